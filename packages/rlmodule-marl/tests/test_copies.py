"""Copies of a container: equal, apart from the original, and sharing among themselves what it shares."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from torch_agents import Agent

from rlmodule_core import SingleAgentRLModuleSpec
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleConfig

torch = pytest.importorskip("torch")

_WAYS = pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))], ids=["deepcopy", "pickle"]
)


class Tied(MultiAgentRLModule):
    """One encoder for red and blue, green has only its bias from it, and lime is red."""

    def setup(self) -> None:
        super().setup()
        modules = self._rl_modules
        modules["blue"].encoder = modules["red"].encoder
        modules["green"].encoder.bias = modules["red"].encoder.bias
        modules["lime"] = modules["red"]


AGENT = SingleAgentRLModuleSpec(Agent, gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2), {})


@pytest.fixture
def tied() -> MultiAgentRLModule:
    return Tied(MultiAgentRLModuleConfig(dict.fromkeys(("red", "blue", "green"), AGENT)))


def _require_tied(container: MultiAgentRLModule) -> None:
    assert type(container) is Tied
    assert list(container) == ["red", "blue", "green", "lime"]
    assert container["blue"].encoder.weight is container["red"].encoder.weight
    assert container["green"].encoder.bias is container["red"].encoder.bias
    assert container["green"].encoder.weight is not container["red"].encoder.weight
    assert container["blue"].head.weight is not container["red"].head.weight
    assert container["lime"] is container["red"]


def _train(container: MultiAgentRLModule) -> None:
    obs = torch.ones(5, 4)
    out = container.forward_train({module_id: {"obs": obs} for module_id in container})
    sum(columns["action_dist_inputs"].square().sum() for columns in out.values()).backward()
    with torch.no_grad():
        for module in {id(module): module for module in container.values()}.values():
            for weight in module.parameters():
                weight -= 0.01 * weight.grad


@_WAYS
def test_a_copy_shares_as_the_original_does_before_and_after_training(tied: MultiAgentRLModule, duplicate: Any):
    twin = duplicate(tied)
    _require_tied(twin)
    _train(twin)
    _require_tied(twin)


@_WAYS
def test_a_copy_computes_the_same_and_is_apart_from_the_original(tied: MultiAgentRLModule, duplicate: Any):
    batch = {module_id: {"obs": torch.ones(5, 4)} for module_id in tied}
    before = {key: columns["action_dist_inputs"] for key, columns in tied.forward_inference(batch).items()}
    twin = duplicate(tied)
    for module_id, columns in twin.forward_inference(batch).items():
        assert torch.equal(columns["action_dist_inputs"], before[module_id])
    _train(twin)
    for module_id, columns in tied.forward_inference(batch).items():
        assert torch.equal(columns["action_dist_inputs"], before[module_id])


@_WAYS
def test_a_copy_is_saved_and_loaded_as_the_original_is(tied: MultiAgentRLModule, duplicate: Any, tmp_path: Path):
    tied.add_module("rose", tied["blue"])
    tied.remove_module("green")
    twin = duplicate(tied)
    twin.save_to_checkpoint(tmp_path)
    loaded = MultiAgentRLModule.from_checkpoint(tmp_path)
    assert list(loaded) == ["red", "blue", "lime", "rose"]
    assert loaded["lime"] is loaded["red"]
    assert loaded["rose"] is loaded["blue"]
    assert loaded["blue"].encoder is loaded["red"].encoder


def test_a_loaded_container_is_tied_as_the_saved_one_was(tied: MultiAgentRLModule, tmp_path: Path):
    _train(tied)
    tied.save_to_checkpoint(tmp_path)
    _require_tied(MultiAgentRLModule.from_checkpoint(tmp_path))
