"""Copies of a container: equal, apart from the original, and sharing among themselves what it shares."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from agents import Agent
from own_layers import TRAINING, gradients, weight

from rlmodule_core import SingleAgentRLModuleSpec
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleConfig

_WAYS = pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))], ids=["deepcopy", "pickle"]
)


_SHARING = pytest.mark.parametrize(
    "framework",
    [
        pytest.param(name, marks=pytest.mark.xfail(name == "tf2", reason="Copies of Keras layers are not shared."))
        for name in TRAINING
    ],
)


class Shifted(Agent):
    """Adds a weight of its own to the logits."""

    def setup(self) -> None:
        super().setup()
        self.shift = weight(str(self.framework), 2)

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": super()._forward_train(batch)["action_dist_inputs"] + self.shift}

    _forward_exploration = _forward_inference = _forward_train


class Tied(MultiAgentRLModule):
    """One encoder for red and blue, green has only the shift from red, and lime is red."""

    def setup(self) -> None:
        super().setup()
        modules: Any = self._rl_modules
        modules["blue"].encoder = modules["red"].encoder
        modules["green"].shift = modules["red"].shift
        modules["lime"] = modules["red"]


AGENT = SingleAgentRLModuleSpec(Shifted, gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2), {})


@pytest.fixture
def tied(framework: str) -> MultiAgentRLModule:
    return Tied(MultiAgentRLModuleConfig(dict.fromkeys(("red", "blue", "green"), AGENT), framework))


def _require_tied(container: Any) -> None:
    assert type(container) is Tied
    assert list(container) == ["red", "blue", "green", "lime"]
    assert container["blue"].encoder is container["red"].encoder
    assert container["green"].shift is container["red"].shift
    assert container["green"].encoder is not container["red"].encoder
    assert container["blue"].head is not container["red"].head
    assert container["blue"].shift is not container["red"].shift
    assert container["lime"] is container["red"]
    assert _shared(container) == {
        *(f"blue.encoder.{leaf}" for leaf in _leaves(container)),
        *(name for name in _named(container["red"], "lime")),
        "green.shift",
    }


def _named(module: Any, module_id: str) -> list[str]:
    return [f"{module_id}.{name}" for name in module.get_state()]


def _leaves(container: Any) -> list[str]:
    return [name.partition(".")[2] for name in container["red"].get_state() if name.startswith("encoder.")]


def _shared(container: Any) -> set[str]:
    return set(container["red"].backend.shared_tensors(dict(container.items())))


def _batch(container: Any) -> dict[str, Any]:
    obs = container["red"].backend.batch(None, np.ones((5, 4)))
    return {module_id: {"obs": obs} for module_id in container}


def _train(container: Any) -> None:
    """One step down the gradient of the sum of all squared logits."""
    backend = container["red"].backend
    modules = {id(module): module for module in container.values()}.values()
    named = [(module, name, weight) for module in modules for name, weight in backend.named_weights(module).items()]

    def run() -> Any:
        out = container.forward_train(_batch(container))
        return sum(backend.ops.sum(backend.ops.square(columns["action_dist_inputs"])) for columns in out.values())

    found = gradients(backend.name, run, [weight for _, _, weight in named])
    for module, name, gradient in [(*each[:2], gradient) for each, gradient in zip(named, found, strict=True)]:
        state = module.get_state()
        module.set_state({**state, name: state[name] - 0.01 * gradient})


def _logits(container: Any) -> dict[str, np.ndarray]:
    found = container["red"].backend.to_numpy(container.forward_inference(_batch(container)))
    return {module_id: columns["action_dist_inputs"] for module_id, columns in found.items()}


def _require_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for module_id, logits in found.items():
        np.testing.assert_array_equal(logits, expected[module_id])


@_SHARING
@_WAYS
def test_a_copy_shares_as_the_original_does_before_and_after_training(tied: MultiAgentRLModule, duplicate: Any):
    twin = duplicate(tied)
    _require_tied(twin)
    _train(twin)
    _require_tied(twin)


@_WAYS
def test_a_copy_computes_the_same_and_is_apart_from_the_original(tied: MultiAgentRLModule, duplicate: Any):
    _train(tied)
    before = _logits(tied)
    twin = duplicate(tied)
    _require_same(_logits(twin), before)
    _train(twin)
    assert all((logits != before[module_id]).any() for module_id, logits in _logits(twin).items())
    _require_same(_logits(tied), before)


@_SHARING
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
