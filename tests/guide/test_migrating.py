"""The guide: migrating from custom policies; compute_actions with explore=True or False."""

from __future__ import annotations

from types import ModuleType

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import Policy, RLModule, RLModuleConfig

OBS = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32)


@pytest.fixture
def policy(user: ModuleType) -> Policy:
    module = user.Migrated(RLModuleConfig(gym.spaces.Box(-9, 9, (4,)), gym.spaces.Discrete(3), {}))
    return Policy(module, seed=0)


def _logits(module: RLModule) -> np.ndarray:
    """What the network says, by its weights."""
    state = module.get_state()
    (kernel,) = (array for name, array in state.items() if name != "net.bias")
    # Torch keeps them (out, in), Keras (in, out).
    return OBS @ (kernel if kernel.shape == (4, 3) else kernel.T) + state["net.bias"]


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
    np.testing.assert_array_equal(actions, _logits(policy.module).argmax(-1))
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
