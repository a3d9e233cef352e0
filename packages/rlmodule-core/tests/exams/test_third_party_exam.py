"""What somebody sees who subclasses an exam in a repository of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

EXAMINEE = """
from rlmodule_core import Categorical


class MadeAnew(Categorical):
    def bind(self, ops):
        return type("MadeAnew", (super().bind(ops),), {})
"""

EXAM = """
import gymnasium as gym
from examinee import MadeAnew
from rlmodule_core.testing import DistributionSuite


class TestKept(DistributionSuite):
    backend_name = "numpy"


class TestBroken(DistributionSuite):
    backend_name, cases = "numpy", [(MadeAnew(3), gym.spaces.Discrete(3))]
"""


def test_two_lines_are_collected_and_a_failure_says_what_was_expected_what_came_and_where(tmp_path: Path):
    (tmp_path / "examinee.py").write_text(EXAMINEE, "utf-8")
    (tmp_path / "test_examinee.py").write_text(EXAM, "utf-8")
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path)]
    command = [sys.executable, "-m", "pytest", *options, "test_examinee.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert re.search(r"^1 failed, \d+ passed", run.stdout, re.MULTILINE)
    assert "FAILED test_examinee.py::TestBroken::test_equal_descriptors_bind_to_one_class" in run.stdout
    assert (
        "E           AssertionError: MadeAnew(n=3, start=0).bind(): expected one class at every call, got" in run.stdout
    )
    # The line that is shown is the question's own, not one of the helpers that compare.
    assert ">           require(bound[0] is bound[1]" in run.stdout
    assert "compare.py" not in run.stdout
