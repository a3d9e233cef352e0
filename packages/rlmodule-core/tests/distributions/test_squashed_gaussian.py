from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_core import (
    ConfigError,
    DiagGaussian,
    Ops,
    SquashedGaussian,
    SquashedGaussianDistribution,
    UnsupportedSpaceError,
    to_env_actions,
)
from rlmodule_core.distributions.squashed_gaussian import SQUASHED_LOG_STD_MAX

_UNIT = np.linspace(-1, 1, 200_001)[1:-1]
_MEANS, _LOG_STDS = st.floats(-1.5, 1.5, width=32), st.floats(-1.5, 0, width=32)


def _one(ops: Ops, mean: float, log_std: float, low: float = -1.0, high: float = 1.0) -> SquashedGaussianDistribution:
    return SquashedGaussian((low,), (high,)).bind(ops).from_logits(np.float32([[mean, log_std]]))


def _density(ops: Ops, dist: SquashedGaussianDistribution, actions: np.ndarray) -> np.ndarray:
    cls = type(dist)
    rows = cls(np.tile(dist.loc, (len(actions), 1)), np.tile(dist.log_std, (len(actions), 1)))
    return np.exp(rows.logp(actions[:, None].astype(np.float32)).astype(np.float64))


@given(_MEANS, _LOG_STDS)
@settings(max_examples=8)
def test_the_density_integrates_to_one_and_to_the_entropy(ops: Ops, mean: float, log_std: float):
    low, high = -2.0, 6.0
    dist = _one(ops, mean, log_std, low, high)
    actions = low + (_UNIT + 1) / 2 * (high - low)
    p, step = _density(ops, dist, actions), actions[1] - actions[0]
    assert p.sum() * step == pytest.approx(1, abs=2e-3)
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum() * step
    assert dist.entropy().item() == pytest.approx(entropy, abs=1e-2)


@given(st.floats(-12, 12, width=32), st.floats(-6, SQUASHED_LOG_STD_MAX, width=32))
@settings(max_examples=30)
def test_the_entropy_is_that_of_a_fine_integral_wherever_the_mean_lies(ops: Ops, mean: float, log_std: float):
    z = np.linspace(-9, 9, 20_001)
    weights = np.exp(-0.5 * z * z) / np.exp(-0.5 * z * z).sum()
    drawn = mean + math.exp(log_std) * z
    log_slope = 2 * (math.log(2) - np.abs(drawn) - np.log1p(np.exp(-2 * np.abs(drawn))))
    expected = 0.5 * math.log(2 * math.pi * math.e) + log_std + (weights * log_slope).sum()
    assert _one(ops, mean, log_std).entropy().item() == pytest.approx(expected, abs=2e-5, rel=1e-5)


def test_the_divergence_is_that_of_the_gaussians(ops: Ops):
    logits = np.random.default_rng(0).normal(size=(2, 6, 4)).astype(np.float32) / 2
    one, other = (SquashedGaussian((-1.0, 0.0), (1.0, 9.0)).bind(ops).from_logits(x) for x in logits)
    plain, second = (DiagGaussian(2).bind(ops).from_logits(x) for x in logits)
    np.testing.assert_array_equal(one.kl(other), plain.kl(second))


def test_draws_and_the_deterministic_action_are_squashed(ops: Ops, make_rng: Any):
    space = gym.spaces.Box(np.float32([[-2, 0]]), np.float32([[6, 0.5]]))
    descriptor = SquashedGaussian.for_space(space)
    logits = np.random.default_rng(0).normal(scale=5, size=(500, 4)).astype(np.float32)
    dist = descriptor.bind(ops).from_logits(logits)
    for actions in (dist.sample(rng=make_rng(0)), dist.to_deterministic().sample()):
        assert actions.shape == (500, 1, 2)
        assert all(space.contains(action) for action in actions)
        np.testing.assert_array_equal(to_env_actions(descriptor, space, actions), actions)
    greedy = dist.to_deterministic().sample()[:, 0]
    np.testing.assert_allclose(greedy, [2, 0.25] + np.array([4, 0.25]) * np.tanh(logits[:, :2]), atol=1e-5)


@pytest.mark.parametrize(
    ("low", "high", "away"), [(-1.0, 1.0, 5.0), (-1.0, 1.0, 7.5), (0.3, 0.7, 2.0), (0.3, 0.7, 5.0)]
)
def test_draws_are_told_apart_as_near_to_a_bound_as_float32_can(ops: Ops, low: float, high: float, away: float):
    middle, half = (low + high) / 2, (high - low) / 2
    for mean in (away, -away):
        action = np.float32(middle + half * math.tanh(mean))
        unit = (float(action) - middle) / half
        z = (math.atanh(unit) - mean) / math.exp(-1)
        expected = -0.5 * z * z + 1 - 0.5 * math.log(2 * math.pi) - math.log(half * (1 - unit * unit))
        logp = _one(ops, mean, -1.0, low, high).logp(action.reshape(1, 1))
        assert logp.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("mean", [0.0, 3.0, -6.0, 1e4, -1e9])
@pytest.mark.parametrize("log_std", [-1e4, 0.0, 1e4])
def test_draws_at_the_bounds_have_the_same_log_probability_again(ops: Ops, make_rng: Any, mean: float, log_std: float):
    dist = _one(ops, mean, log_std, 0.0, 3e38)
    actions, logp = dist.sample_and_logp(rng=make_rng(0))
    np.testing.assert_array_equal(dist.logp(actions), logp)
    for bound in (0.0, 3e38):
        assert np.isfinite(dist.logp(np.float32([[bound]]))).all()
    assert np.isfinite([logp.item(), dist.entropy().item(), actions.item()]).all()


@pytest.mark.parametrize(
    "space",
    [
        gym.spaces.Box(0, np.inf, (2,)),
        gym.spaces.Box(1, 1, (2,)),
        gym.spaces.Box(-1e300, 1e300, (2,), np.float64),
        gym.spaces.Box(0, 9, (2,), np.int64),
        gym.spaces.Discrete(2),
    ],
    ids=str,
)
def test_spaces_without_two_bounds_are_refused(space: Any):
    with pytest.raises(UnsupportedSpaceError, match="Squashed actions"):
        SquashedGaussian.for_space(space)


@pytest.mark.parametrize(
    ("low", "high"), [((1.0,), (0.0,)), ((0.0,), (math.inf,)), ((-1e39,), (0.0,)), ((), ()), ((0.0,), (1.0, 2.0))]
)
def test_bounds_that_are_none_are_refused(low: Any, high: Any):
    with pytest.raises(ConfigError, match="SquashedGaussian needs"):
        SquashedGaussian(low, high)
