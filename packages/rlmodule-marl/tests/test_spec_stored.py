"""A spec as JSON, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from rlmodule_core import CheckpointError, SingleAgentRLModuleSpec
from rlmodule_core.numpy_backend import NumpyRLModule
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleSpec


class Silent(NumpyRLModule):
    """Found again by name, because this module is imported."""

    def _forward_train(self, batch: Any) -> Any:
        return {"actions": batch["obs"]}

    _forward_exploration = _forward_inference = _forward_train


class Mine(MultiAgentRLModule):
    """A container of the user's own."""


RED = SingleAgentRLModuleSpec(Silent, gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2), {"width": [8]}, "ppo", "red")
WHOLE = MultiAgentRLModuleSpec(Mine, {"red": RED, "blue": SingleAgentRLModuleSpec()}, load_state_path="both")


@pytest.mark.parametrize(
    "spec",
    [
        WHOLE,
        MultiAgentRLModuleSpec(module_specs={}, load_state_path=str(Path("a") / "b"), modules_to_load=["x", "y", "x"]),
        MultiAgentRLModuleSpec(module_specs=RED, modules_to_load=()),
        # Ids that are also names of fields.
        MultiAgentRLModuleSpec(module_specs={"module_class": RED, "module_config": RED}),
    ],
)
def test_a_spec_comes_back_equal_from_strict_json(spec: MultiAgentRLModuleSpec):
    assert MultiAgentRLModuleSpec.from_dict(json.loads(json.dumps(spec.to_dict(), allow_nan=False))) == spec


def test_modules_to_load_are_a_set_whatever_they_were():
    specs = [MultiAgentRLModuleSpec(module_specs={}, modules_to_load=given) for given in (["b", "a"], ("a", "b"))]
    assert specs[0] == specs[1]
    assert specs[0].to_dict()["modules_to_load"] == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"module_specs": 3}, "'A MultiAgentRLModuleSpec.module_specs', got 3"),
        ({"module_specs": {"red": {}}}, r"module_specs\.red lacks the field 'module_class'"),
        ({"module_specs": {"a/b": RED.to_dict()}}, "cannot be rebuilt: 'a/b' is no legal module id"),
        ({"module_specs": None}, "either module_specs or spec_of_all, got both or neither"),
        ({"spec_of_all": RED.to_dict()}, "either module_specs or spec_of_all, got both or neither"),
        ({"marl_module_class": "builtins:dict"}, "cannot be rebuilt: .*must be a subclass of MultiAgentRLModule"),
        (
            {"marl_module_class": "nowhere.known:Mine"},
            r"Import nowhere\.known first, or pass the class as marl_module_",
        ),
        ({"modules_to_load": "red"}, "modules_to_load', got 'red'"),
        ({"modules_to_load": [3]}, "cannot be rebuilt|modules_to_load', got"),
        ({"load_state_path": 3}, "load_state_path', got 3"),
        ({"more": 1}, "another one, 'more'"),
    ],
)
def test_damage_is_a_named_error(change: Any, complaint: str):
    with pytest.raises(CheckpointError, match=complaint):
        MultiAgentRLModuleSpec.from_dict({**WHOLE.to_dict(), **change})


@pytest.mark.parametrize("data", [None, 3, [], {}])
def test_what_is_no_spec_is_a_named_error(data: Any):
    with pytest.raises(CheckpointError, match="A MultiAgentRLModuleSpec"):
        MultiAgentRLModuleSpec.from_dict(data)
