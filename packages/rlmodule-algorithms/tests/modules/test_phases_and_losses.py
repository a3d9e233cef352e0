"""Modules with weights set from outside, with dropout, with a loss of their own, with outputs missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from torch import nn

from rlmodule_core import SingleAgentRLModuleSpec, SpecCheckingError
from rlmodule_torch import TorchRLModule

ID = "default_policy"


class Small(TorchRLModule):
    """Two linear heads on the observation."""

    def setup(self) -> None:
        self.policy, self.value = nn.Linear(4, 2), nn.Linear(4, 1)

    def _forward_train(self, batch: Mapping[str, Any]) -> Any:
        return {"action_dist_inputs": self.policy(batch["obs"]), "vf_preds": self.value(batch["obs"])[:, 0]}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.policy(batch["obs"])}

    _forward_inference = _forward_exploration


class Dropping(Small):
    def setup(self) -> None:
        super().setup()
        self.policy = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 2))


class OwnLoss(Small):
    def compute_loss(self, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Mapping[str, Any]) -> Any:
        loss = outputs["vf_preds"].square().mean()
        return loss, {"own": loss}


class Valueless(Small):
    def _forward_train(self, batch: Mapping[str, Any]) -> Any:
        return {"vf_preds": self.value(batch["obs"])[:, 0]}


class Silent(Small):
    def _forward_train(self, batch: Mapping[str, Any]) -> Any:
        return None


@pytest.fixture
def algorithm(small_ppo: Any, build: Any) -> Any:
    def make(module_class: Any) -> Any:
        return build(small_ppo.copy().rl_module(rl_module_spec=SingleAgentRLModuleSpec(module_class=module_class)))

    return make


def test_weights_set_from_outside_are_acted_with_at_once(small_ppo: Any, build: Any) -> None:
    algorithm = build(small_ppo)
    module = algorithm.get_module()
    state = {name: np.zeros_like(array) for name, array in module.get_state().items()}
    module.set_state({**state, "pi.0.bias": np.array([-9.0, 9.0], np.float32)})
    assert algorithm.compute_single_action(np.zeros(4))[0] == 1
    module.set_state({**state, "pi.0.bias": np.array([9.0, -9.0], np.float32)})
    assert algorithm.compute_single_action(np.zeros(4))[0] == 0
    assert algorithm.evaluate(episodes=2)["episode_return_mean"] < 12


def test_dropout_follows_the_seed(algorithm: Any) -> None:
    states = []
    for _ in range(2):
        trained = algorithm(Dropping)
        for _ in range(2):
            trained.train()
        states.append(trained.get_module().get_state())
    assert all(np.array_equal(array, states[1][name]) for name, array in states[0].items())


def test_a_module_may_bring_its_own_loss(algorithm: Any) -> None:
    trained = algorithm(OwnLoss)
    before = trained.get_module().get_state()
    metrics = trained.train()["learners"][ID]
    after = trained.get_module().get_state()
    assert metrics["own"] == metrics["total_loss"]
    assert "policy_loss" not in metrics
    assert np.array_equal(before["policy.weight"], after["policy.weight"])
    assert not np.array_equal(before["value.weight"], after["value.weight"])


def test_outputs_that_the_loss_needs_are_named(algorithm: Any) -> None:
    with pytest.raises(SpecCheckingError, match=r"Valueless.*returned \['vf_preds'\].*needs \['action_dist_inputs'\]"):
        algorithm(Valueless).train()


def test_a_forward_that_returns_nothing_is_named(algorithm: Any) -> None:
    with pytest.raises(SpecCheckingError, match=r"Silent\.forward_train \(output\)"):
        algorithm(Silent).train()
