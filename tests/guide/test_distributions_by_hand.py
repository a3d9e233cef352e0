"""The guide: choosing distributions by hand, deterministic ones among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn

from rlmodule_core import Distribution, Policy, RLModuleConfig, compute_actions
from rlmodule_torch import TorchCategorical, TorchDeterministic, TorchDiagGaussian, TorchRLModule

BOX = gym.spaces.Box(-1, 1, (2,))
OBS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


class Deterministic(TorchRLModule):
    """Always does what its network says, in exploration too."""

    def setup(self) -> None:
        self.net = nn.Linear(4, 2)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": torch.tanh(self.net(batch["obs"]))}

    _forward_exploration = _forward_inference = _forward_train

    def get_exploration_action_dist_cls(self) -> type[Distribution]:
        return TorchDeterministic

    get_train_action_dist_cls = get_inference_action_dist_cls = get_exploration_action_dist_cls


@pytest.mark.parametrize("explore", [True, False])
def test_a_deterministic_distribution_gives_the_inputs_themselves(explore: bool):
    module = Deterministic(RLModuleConfig(gym.spaces.Box(-9, 9, (4,)), BOX, {}))
    out = compute_actions(module, {"obs": OBS}, explore=explore)
    torch.testing.assert_close(out["actions"], torch.tanh(module.net(torch.from_numpy(OBS))), atol=0, rtol=0)


def test_a_policy_serves_it_without_a_random_number():
    module = Deterministic(RLModuleConfig(gym.spaces.Box(-9, 9, (4,)), BOX, {}))
    first, second = (Policy(module, seed=seed).compute_actions(OBS, explore=True)[0] for seed in (0, 1))
    np.testing.assert_array_equal(first, second)
    assert all(action in BOX for action in first)


class Deciding(TorchRLModule):
    """Returns a distribution object of its own making."""

    def __init__(self, dist: Distribution) -> None:
        super().__init__(None)
        self.dist = dist

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist": self.dist}

    _forward_exploration = _forward_inference = _forward_train


def test_a_distribution_object_is_used_like_its_inputs():
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    module = Deciding(TorchCategorical.from_logits(logits))
    explored = compute_actions(module, {"obs": OBS}, explore=True)
    expected = torch.distributions.Categorical(logits=logits).log_prob(explored["actions"])
    torch.testing.assert_close(explored["action_logp"], expected)
    assert torch.equal(compute_actions(module, {"obs": OBS}, explore=False)["actions"], logits.argmax(-1))


def test_a_gaussian_object_gives_its_mean_in_inference():
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    module = Deciding(TorchDiagGaussian.from_logits(logits))
    assert torch.equal(compute_actions(module, {"obs": OBS}, explore=False)["actions"], logits[:, :2])
    explored = compute_actions(module, {"obs": OBS}, explore=True)
    oracle = torch.distributions.Normal(logits[:, :2], logits[:, 2:].exp())
    torch.testing.assert_close(explored["action_logp"], oracle.log_prob(explored["actions"]).sum(-1))


def test_at_a_prompt_no_generator_is_needed():
    logits = torch.zeros(1000, 4)
    actions = TorchCategorical.from_logits(logits).sample()
    assert set(actions.tolist()) == {0, 1, 2, 3}
    assert torch.equal(TorchCategorical.from_logits(logits).to_deterministic().sample(), torch.zeros(1000).long())
