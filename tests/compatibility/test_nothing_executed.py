"""Whatever a checkpoint of a container or of an algorithm names, loading it runs nothing: as in core's test of modules.

Run as a script, this file loads each checkpoint of a directory under the audit hook of core's test.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from rlmodule_core.checkpoint.document import decode_document, encode_document

ROOT = Path(__file__).resolve().parents[2]
CALL = "canary:sing"
AGENT = "rl_module.container.config.modules.red"
OPTIONS = "algorithm.options"

CONTAINER_FIELDS = {
    "rl_module.container.class": (CALL, "canary", "os:system", "golden_classes:Agent"),
    "rl_module.container.config": (CALL, {"modules": {"red": CALL}}, {"canary": CALL}),
    f"{AGENT}.module_class": (CALL, "os:system", "builtins:exec"),
    f"{AGENT}.module_config.catalog": (CALL, "canary", "os:system"),
    f"{AGENT}.load_state_path": ("../../secret", CALL),
}
ALGORITHM_FIELDS = {
    f"{OPTIONS}.env": (f"{CALL}-v0", "canary:Env", "canary", {"entry_point": CALL}, ["os:system"]),
    f"{OPTIONS}.env_config": ({"vector_entry_point": CALL}, CALL),
    f"{OPTIONS}.on_algorithm_init": (CALL, "os:system"),
    f"{OPTIONS}.framework_name": (CALL, "canary", "../canary"),
    f"{OPTIONS}.act_with": (CALL, "canary"),
    f"{OPTIONS}.model": ({"custom_model": CALL, "fcnet_activation": CALL},),
    "algorithm.name": (CALL, "canary", "os.system"),
    "algorithm.by_name": ({"env": CALL}, {"lr": "os:system"}),
    "algorithm.acted_with": (CALL, "canary"),
    "algorithm.state.acting_rng": ({"bit_generator": CALL}, {"bit_generator": "__import__('canary')"}),
}


def core_test() -> ModuleType:
    """The ears: core's test, found by its path, because test files are no package."""
    path = ROOT / "packages" / "rlmodule-core" / "tests" / "checkpoint" / "test_nothing_executed.py"
    spec = importlib.util.spec_from_file_location("ears", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def forge(good: Path, directory: Path, path: str, value: Any) -> None:
    """A copy of a checkpoint of which a field of the document was changed, and signed."""
    shutil.copytree(good, directory)
    (file,) = directory.glob("*.json")
    document = decode_document(file.read_bytes(), "")
    del document["digest"]
    *parents, last = path.split(".")
    place: Any = document
    for key in parents:
        place = place[key]
    place[last] = value
    file.write_bytes(encode_document(document))


def hostile_checkpoints(harmless: Path, directory: Path) -> None:
    for name, fields in (("container", CONTAINER_FIELDS), ("algorithm", ALGORITHM_FIELDS)):
        for path, values in fields.items():
            for number, value in enumerate(values):
                forge(harmless / name, directory / f"{name} {path}-{number}", path, value)


def test_hostile_containers_and_algorithms_make_no_sound(tmp_path: Path) -> None:
    from make_golden import CHECKPOINT, FOLDER, make

    harmless = tmp_path / "harmless"
    make("algorithm", tmp_path / "made")
    shutil.copytree(tmp_path / "made" / CHECKPOINT, harmless / "algorithm")
    shutil.copytree(FOLDER / "shared_encoder" / CHECKPOINT, harmless / "container")
    (tmp_path / "secret").write_text("secret")
    hostile_checkpoints(harmless, tmp_path / "hostile")
    # Errors on first use compile and import what later ones do not.
    forge(harmless / "algorithm", harmless / "odd algorithm", f"{OPTIONS}.env", "unheard-of:Env")
    forge(harmless / "algorithm", harmless / "odd environment", f"{OPTIONS}.env", "unheard-of")
    (tmp_path / "canary.py").write_text(core_test().CANARY)
    search = os.pathsep.join((str(tmp_path), str(ROOT / "tools"), os.environ.get("PYTHONPATH", "")))
    environment = {**os.environ, "PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, __file__, str(tmp_path / "hostile"), str(harmless)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert json.loads(done.stdout) == {}
    assert not (tmp_path / "canary.py.sung").exists()


if __name__ == "__main__":
    import golden_classes  # noqa: F401 - the checkpoints' own classes
    from rlmodule_algorithms import Algorithm
    from rlmodule_marl import MultiAgentRLModule

    LOADERS = {
        "container": MultiAgentRLModule.from_checkpoint,
        "algorithm": lambda directory: Algorithm.from_checkpoint(directory).stop(),
    }
    print(json.dumps(core_test().listen(LOADERS, Path(sys.argv[1]), Path(sys.argv[2]))))
