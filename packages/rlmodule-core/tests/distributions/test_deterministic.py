from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import Deterministic, DeterministicDistribution, Ops, UnsupportedSpaceError


def test_every_sample_is_the_network_s_output(ops: Ops):
    outputs = np.float32([[0.5, -1.0], [2.0, 3.0]])
    dist = Deterministic(2).bind(ops).from_logits(outputs)
    for value in (dist.sample(), dist.rsample(), dist.to_deterministic().sample()):
        np.testing.assert_array_equal(value, outputs)
    actions, logp = dist.sample_and_logp()
    np.testing.assert_array_equal(actions, outputs)
    assert logp.tolist() == dist.entropy().tolist() == [0.0, 0.0]


def test_it_has_no_kl_divergence(ops: Ops):
    dist = Deterministic(1).bind(ops).from_logits(np.zeros((1, 1), np.float32))
    with pytest.raises(TypeError, match="no KL divergence"):
        dist.kl(dist)


def test_its_width_is_the_number_of_axes():
    assert Deterministic(3).input_dim == 3
    assert DeterministicDistribution.required_input_dim(gym.spaces.Box(-1, 1, (2, 3))) == 6
    with pytest.raises(UnsupportedSpaceError, match="Box"):
        DeterministicDistribution.required_input_dim(gym.spaces.Discrete(3))


def test_actions_have_the_shape_of_the_space(ops: Ops):
    outputs = np.arange(12, dtype=np.float32).reshape(2, 6)
    dist = Deterministic((3, 2)).bind(ops).from_logits(outputs)
    assert dist.sample().tolist() == outputs.reshape(2, 3, 2).tolist()
    assert dist.entropy().tolist() == [0.0, 0.0]
