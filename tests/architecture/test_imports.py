from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

FRAMEWORKS = ("torch", "tensorflow", "keras", "ray")
MAY_BRING = {
    "rlmodule_core": (),
    "rlmodule_catalogs": (),
    "rlmodule_marl": (),
    "rlmodule_algorithms": (),
    "rlmodule_torch": ("torch",),
    "rlmodule_tf": ("tensorflow", "keras"),
}
SCRIPT = """
import sys
import {module}
print(*(name for name in {frameworks} if name in sys.modules))
"""


@pytest.mark.parametrize("module", MAY_BRING)
def test_importing_a_package_brings_no_framework_but_its_own(module: str) -> None:
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed here")
    script = SCRIPT.format(module=module, frameworks=FRAMEWORKS)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= set(MAY_BRING[module])
