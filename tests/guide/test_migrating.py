"""The guide: migrating from custom policies; compute_actions with explore=True or False."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn

from rlmodule_core import Policy, RLModuleConfig
from rlmodule_torch import TorchRLModule

OBS = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32)


class MyRLModule(TorchRLModule):
    """What was a custom policy: its sampling logic is now in the forwards."""

    def setup(self) -> None:
        self.net = nn.Linear(4, 3)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.net(batch["obs"])}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        # Hotter than in training, so that the phases cannot be mixed up.
        return {"action_dist_inputs": self.net(batch["obs"]) / 2, "phase": torch.ones(len(batch["obs"]))}

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**self._forward_train(batch), "phase": torch.zeros(len(batch["obs"]))}


@pytest.fixture
def policy() -> Policy:
    module = MyRLModule(RLModuleConfig(gym.spaces.Box(-9, 9, (4,)), gym.spaces.Discrete(3), {}))
    return Policy(module, seed=0)


@pytest.mark.parametrize("explore", [True, False])
def test_explore_chooses_the_forward(policy: Policy, explore: bool):
    for _, _, extras in (
        policy.compute_actions(OBS, explore=explore),
        policy.compute_actions_from_input_dict({"obs": OBS}, explore=explore),
    ):
        assert (extras["phase"] == float(explore)).all()
    _, _, extras = policy.compute_single_action(OBS[0], explore=explore)
    assert extras["phase"] == float(explore)


def test_without_exploration_the_best_action_is_taken(policy: Policy):
    actions, state, extras = policy.compute_actions(OBS)
    logits = policy.module.net(torch.from_numpy(OBS)).detach().numpy()
    np.testing.assert_array_equal(actions, logits.argmax(-1))
    assert state == {}
    assert "action_logp" not in extras


def test_with_exploration_actions_are_drawn_and_their_likelihood_is_known(policy: Policy):
    actions, _, extras = policy.compute_actions(OBS, explore=True)
    assert not np.array_equal(actions, policy.compute_actions(OBS)[0])
    np.testing.assert_allclose(policy.compute_log_likelihoods(actions, OBS), extras["action_logp"], atol=1e-6)
    np.testing.assert_allclose(np.exp(extras["action_logp"]), extras["action_prob"], atol=1e-6)


def test_one_observation_gives_one_action(policy: Policy):
    action, state, _ = policy.compute_single_action(OBS[0])
    assert action == policy.compute_actions(OBS)[0][0]
    assert np.shape(action) == ()
    assert state == {}
