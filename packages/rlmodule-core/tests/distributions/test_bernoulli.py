from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rlmodule_core import Bernoulli, BernoulliDistribution, Ops, UnsupportedSpaceError

_ODDS = hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.just(3)), elements=st.floats(-8, 8, width=32))


@given(_ODDS, st.lists(st.integers(0, 1), min_size=3, max_size=3))
@settings(max_examples=40)
def test_log_probability_and_entropy_are_those_of_coins(ops: Ops, odds: np.ndarray, action: list[int]):
    dist = Bernoulli(3).bind(ops).from_logits(odds)
    on = 1 / (1 + np.exp(-odds.astype(np.float64)))
    chosen = np.where(action, on, 1 - on)
    actions = np.tile(np.array(action), (len(odds), 1))
    np.testing.assert_allclose(dist.logp(actions), np.log(chosen).sum(axis=-1), atol=1e-5, rtol=1e-5)
    entropy = -(on * np.log(on) + (1 - on) * np.log(1 - on)).sum(axis=-1)
    np.testing.assert_allclose(dist.entropy(), entropy, atol=1e-5)


def test_switches_are_thrown_as_often_as_their_odds_say(ops: Ops, make_rng: Any):
    odds, n = np.float32([-2, 0, 1]), 40_000
    drawn = Bernoulli(3).bind(ops).from_logits(np.tile(odds, (n, 1))).sample(rng=make_rng(0))
    on = 1 / (1 + np.exp(-odds))
    assert np.all(np.abs(drawn.mean(axis=0) - on) < 4 * np.sqrt(on * (1 - on) / n))
    assert np.all(np.abs(np.corrcoef(drawn.T)[np.triu_indices(3, 1)]) < 4 / np.sqrt(n))


@pytest.mark.parametrize("dim", [3, (2, 3), (1, 2, 2)])
def test_actions_have_the_shape_of_the_space(ops: Ops, make_rng: Any, dim: Any):
    descriptor, space = Bernoulli(dim), gym.spaces.MultiBinary(dim)
    logits = np.random.default_rng(0).normal(size=(4, 2, descriptor.input_dim)).astype(np.float32)
    dist = descriptor.bind(ops).from_logits(logits)
    drawn = dist.sample(rng=make_rng(0))
    assert drawn.shape == (4, 2, *space.shape)
    assert drawn.dtype == np.int64
    np.testing.assert_array_equal(dist.to_deterministic().sample().ravel(), logits.ravel() > 0)


def test_a_masked_switch_stays_off_and_everything_stays_finite(ops: Ops, make_rng: Any):
    cls = Bernoulli(2).bind(ops)
    masked, open_ = (cls.from_logits(np.tile(np.float32([1, x]), (1000, 1))) for x in (-1e9, 0))
    assert not masked.sample(rng=make_rng(0))[:, 1].any()
    on = np.ones((1000, 2), np.int64)
    results = (masked.logp(on), masked.entropy(), masked.kl(open_), open_.kl(masked))
    assert all(np.isfinite(result).all() for result in results)


def test_its_width_is_the_number_of_switches():
    assert BernoulliDistribution.required_input_dim(gym.spaces.MultiBinary((2, 3))) == Bernoulli((2, 3)).input_dim == 6
    with pytest.raises(UnsupportedSpaceError, match="MultiBinary"):
        BernoulliDistribution.required_input_dim(gym.spaces.Discrete(2))


def test_a_shape_of_one_axis_is_its_length():
    assert Bernoulli((3,)) == Bernoulli(3)
