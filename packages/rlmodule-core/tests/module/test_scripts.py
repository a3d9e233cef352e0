"""A script's own classes live in `__main__`: what it saves, it loads again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
import gymnasium as gym
from rlmodule_core import *
from rlmodule_core.numpy_backend import NumpyRLModule
from rlmodule_core.plans import Dense

class Mine(NumpyRLModule):
    def setup(self):
        self.net = self.config.get_catalog().build(self.framework)
    def _forward_train(self, batch):
        return {"action_dist_inputs": self.net(batch["obs"])}
    _forward_exploration = _forward_inference = _forward_train

class MyCatalog:
    def __init__(self, observation_space, action_space, model_config_dict):
        self.action_space = action_space
    def build(self, framework):
        return get_backend(framework).lower(Dense(4, 3))
    def get_action_dist_cls(self, framework):
        return distribution_for(self.action_space).bind(get_backend(framework).ops)

directory, spaces = sys.argv[1], (gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(3))
module = Mine(RLModuleConfig(*spaces, {}, MyCatalog))
module.save_to_checkpoint(directory)
def check(loaded):
    assert type(loaded) is Mine
    assert loaded.config == module.config
    assert all((array == loaded.get_state()[name]).all() for name, array in module.get_state().items())
try:
    LINE
except RLModuleError as error:
    print(type(error).__name__, error)
"""


def _run(line: str, directory: Path) -> str:
    command = [sys.executable, "-c", SCRIPT.replace("LINE", line), str(directory)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    "line",
    [
        "check(Mine.from_checkpoint(directory, catalog_class=MyCatalog))",
        "check(RLModule.from_checkpoint(directory, module_class=Mine, catalog_class=MyCatalog))",
        "check(Policy.from_checkpoint(directory, module_class=Mine, catalog_class=MyCatalog).module)",
    ],
)
def test_classes_that_the_caller_names_are_used(line: str, tmp_path: Path):
    assert _run(line, tmp_path) == ""


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("Mine.from_checkpoint(directory)", "__main__:MyCatalog, which is not loaded here. Pass the class as catalog_"),
        (
            "RLModule.from_checkpoint(directory, catalog_class=MyCatalog)",
            "__main__:Mine, which is not loaded here. Pass the class as module_class=.",
        ),
    ],
)
def test_classes_that_only_the_file_names_are_asked_for(line: str, advice: str, tmp_path: Path):
    printed = _run(line, tmp_path)
    assert printed.startswith("CheckpointError")
    assert advice in printed
    assert "Import __main__" not in printed
