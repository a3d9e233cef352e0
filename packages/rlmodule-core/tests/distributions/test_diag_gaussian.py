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
    DiagGaussianDistribution,
    Ops,
    UnsupportedSpaceError,
    get_backend,
)

_MEANS, _LOG_STDS = st.floats(-2, 2, width=32), st.floats(-1, 1, width=32)
_GRID = np.linspace(-40.0, 40.0, 400_001)


def _density(mean: float, log_std: float) -> np.ndarray:
    std = math.exp(log_std)
    return np.exp(-((_GRID - mean) ** 2) / (2 * std**2)) / (std * math.sqrt(2 * math.pi))


def _integral(values: np.ndarray) -> float:
    return float(values.sum() * (_GRID[1] - _GRID[0]))


def _one(ops: Ops, mean: float, log_std: float) -> DiagGaussianDistribution:
    return DiagGaussian(1).bind(ops).from_logits(np.float32([[mean, log_std]]))


@given(_MEANS, _LOG_STDS)
@settings(max_examples=8)
def test_entropy_and_log_density_agree_with_numeric_integration(ops: Ops, mean: float, log_std: float):
    dist, p = _one(ops, mean, log_std), _density(mean, log_std)
    entropy = -_integral(p * np.log(np.maximum(p, 1e-300)))
    assert dist.entropy().item() == pytest.approx(entropy, abs=1e-5)
    at = 1000 * (len(_GRID) // 2000)
    assert dist.logp(np.float32([[_GRID[at]]])).item() == pytest.approx(np.log(p[at]), rel=1e-4, abs=1e-5)


@given(_MEANS, _LOG_STDS, _MEANS, _LOG_STDS)
@settings(max_examples=8)
def test_kl_agrees_with_numeric_integration(ops: Ops, mean: float, log_std: float, mean2: float, log_std2: float):
    p, q = _density(mean, log_std), _density(mean2, log_std2)
    # In the far tails q underflows; p's share there is nothing.
    kl = _integral(np.where(p > 1e-30, p * np.log(np.maximum(p, 1e-300) / np.maximum(q, 1e-300)), 0.0))
    assert _one(ops, mean, log_std).kl(_one(ops, mean2, log_std2)).item() == pytest.approx(kl, rel=1e-4, abs=1e-5)


def test_axes_are_independent_and_add_up(ops: Ops):
    logits = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    others, values = logits[::-1].copy(), logits[:, :2] + 0.3
    cls = DiagGaussian(2).bind(ops)
    joint, other = cls.from_logits(logits), cls.from_logits(others)
    single = [
        (DiagGaussian(1).bind(ops).from_logits(a), DiagGaussian(1).bind(ops).from_logits(b))
        for a, b in ((logits[:, [k, k + 2]], others[:, [k, k + 2]]) for k in range(2))
    ]
    np.testing.assert_allclose(joint.entropy(), sum(d.entropy() for d, _ in single), rtol=1e-5)
    np.testing.assert_allclose(joint.kl(other), sum(d.kl(e) for d, e in single), rtol=1e-4)
    logp = sum(d.logp(values[:, [k]]) for k, (d, _) in enumerate(single))
    np.testing.assert_allclose(joint.logp(values), logp, rtol=1e-5)


@pytest.mark.parametrize("log_std", [1e4, -1e4, 0.0])
@pytest.mark.parametrize("mean", [1e9, -1e9, 0.0])
def test_extreme_parameters_give_finite_numbers(ops: Ops, make_rng: Any, mean: float, log_std: float):
    dist, mild = _one(ops, mean, log_std), _one(ops, 0.0, 0.0)
    drawn = dist.sample(rng=make_rng(0))
    results = (drawn, dist.logp(drawn), dist.logp(np.zeros((1, 1), np.float32)), dist.entropy(), dist.kl(mild))
    assert all(np.isfinite(value).all() for value in (*results, mild.kl(dist)))


def test_samples_have_the_mean_and_the_spread(ops: Ops, make_rng: Any):
    n = 40_000
    drawn = DiagGaussian(2).bind(ops).from_logits(np.tile(np.float32([1, -2, 0.5, -1]), (n, 1))).sample(rng=make_rng(3))
    assert drawn.shape == (n, 2)
    assert drawn.dtype == np.float32
    std = np.exp([0.5, -1.0])
    assert np.all(np.abs(drawn.mean(axis=0) - [1, -2]) < 4 * std / math.sqrt(n))
    assert np.all(np.abs(drawn.std(axis=0) / std - 1) < 4 / math.sqrt(2 * n))
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 4 / math.sqrt(n)


def test_sample_and_logp_belong_together(ops: Ops, make_rng: Any):
    dist = DiagGaussian(2).bind(ops).from_logits(np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32))
    actions, logp = dist.sample_and_logp(rng=make_rng(0))
    assert actions.shape == (2, 3, 2)
    assert logp.shape == (2, 3)
    np.testing.assert_array_equal(logp, dist.logp(actions))
    np.testing.assert_array_equal(dist.rsample(rng=make_rng(0)), actions)


def test_the_deterministic_form_is_the_mean(ops: Ops):
    point = _one(ops, 0.75, 3.0).to_deterministic()
    assert point.sample().tolist() == [[0.75]]
    assert point.logp(point.sample()).shape == (1,)


def test_its_width_is_two_numbers_for_each_axis():
    assert DiagGaussian(3).input_dim == 6
    assert DiagGaussianDistribution.required_input_dim(gym.spaces.Box(-1, 1, (3,))) == 6
    with pytest.raises(UnsupportedSpaceError, match="Box"):
        DiagGaussianDistribution.required_input_dim(gym.spaces.Discrete(3))


@pytest.mark.parametrize("shape", [(2, 3), (), (1, 1, 2)])
def test_actions_have_the_shape_of_the_space_in_c_order(ops: Ops, make_rng: Any, shape: tuple[int, ...]):
    descriptor, size = DiagGaussian(shape), math.prod(shape)
    logits = np.random.default_rng(0).normal(size=(4, 2 * size)).astype(np.float32)
    dist, flat = (each.bind(ops).from_logits(logits) for each in (descriptor, DiagGaussian(size)))
    drawn = dist.sample(rng=make_rng(0))
    assert drawn.shape == (4, *shape)
    np.testing.assert_array_equal(drawn.reshape(4, size), flat.sample(rng=make_rng(0)))
    np.testing.assert_array_equal(dist.logp(drawn), flat.logp(drawn.reshape(4, size)))
    certain = dist.to_deterministic()
    np.testing.assert_array_equal(certain.sample().reshape(4, size), logits[:, :size])
    assert certain.logp(certain.sample()).shape == certain.entropy().shape == (4,)


def test_a_shape_of_one_axis_is_its_length():
    assert DiagGaussian((3,)) == DiagGaussian(3)
    assert DiagGaussian((3,)).bind(get_backend("numpy").ops) is DiagGaussian(3).bind(get_backend("numpy").ops)


def test_its_sizes_are_positive():
    for dim in (0, (2, 0), (-1,), 1.5):
        with pytest.raises(ConfigError, match=r"DiagGaussian\.dim must be a positive integer"):
            DiagGaussian(dim)
