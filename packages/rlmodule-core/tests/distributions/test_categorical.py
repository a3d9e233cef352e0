from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rlmodule_core import Categorical, CategoricalDistribution, ConfigError, Ops, UnsupportedSpaceError

_LOGITS = hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.just(5)), elements=st.floats(-8, 8, width=32))


def _probabilities(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits.astype(np.float64))
    return weights / weights.sum(axis=-1, keepdims=True)


@given(_LOGITS)
@settings(max_examples=40)
def test_log_probabilities_and_entropy_are_those_of_the_softmax(ops: Ops, logits: np.ndarray):
    dist = Categorical(5).bind(ops).from_logits(logits)
    p = _probabilities(logits)
    for action in range(5):
        np.testing.assert_allclose(dist.logp(np.full(len(p), action)), np.log(p[:, action]), atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(dist.entropy(), -(p * np.log(p)).sum(axis=-1), atol=1e-5)


@given(_LOGITS, st.integers(0, 2**32))
@settings(max_examples=40)
def test_kl_is_the_summed_difference_of_log_probabilities(ops: Ops, logits: np.ndarray, seed: int):
    others = np.random.default_rng(seed).normal(size=logits.shape).astype(np.float32)
    cls = Categorical(5).bind(ops)
    p, q = _probabilities(logits), _probabilities(others)
    kl = cls.from_logits(logits).kl(cls.from_logits(others))
    np.testing.assert_allclose(kl, (p * np.log(p / q)).sum(axis=-1), atol=2e-5)
    np.testing.assert_allclose(cls.from_logits(logits).kl(cls.from_logits(logits)), 0.0, atol=1e-6)


def test_the_last_axis_is_the_actions_whatever_stands_before_it(ops: Ops, make_rng: Any):
    logits = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)
    dist = Categorical(5).bind(ops).from_logits(logits)
    actions, logp = dist.sample_and_logp(rng=make_rng(0))
    assert actions.shape == logp.shape == dist.entropy().shape == dist.kl(dist).shape == (2, 3)
    np.testing.assert_array_equal(logp, dist.logp(actions))


@pytest.mark.parametrize("extreme", [[1e9, -1e9, 0.0], [-1e9, -1e9, -1e9], [0.0, 1e9, 1e9]])
def test_extreme_logits_give_finite_numbers(ops: Ops, make_rng: Any, extreme: list[float]):
    cls = Categorical(3).bind(ops)
    dist, mild = cls.from_logits(np.float32([extreme])), cls.from_logits(np.zeros((1, 3), np.float32))
    for value in (dist.entropy(), dist.kl(mild), mild.kl(dist), *(dist.logp(np.array([a])) for a in range(3))):
        assert np.isfinite(value).all()
    assert dist.sample(rng=make_rng(0))[0] in np.flatnonzero(np.equal(extreme, max(extreme)))


def test_a_masked_action_is_never_drawn(ops: Ops, make_rng: Any):
    logits = np.tile(np.float32([0.0, -1e9, 1.0]), (20_000, 1))
    assert set(Categorical(3).bind(ops).from_logits(logits).sample(rng=make_rng(1)).tolist()) == {0, 2}


def test_samples_have_the_frequencies_of_the_probabilities(ops: Ops, make_rng: Any):
    logits = np.float32([0.0, 1.0, -1.0, 2.0])
    n = 40_000
    drawn = Categorical(4).bind(ops).from_logits(np.tile(logits, (n, 1))).sample(rng=make_rng(5))
    expected = n * _probabilities(logits)
    chi_square = ((np.bincount(drawn, minlength=4) - expected) ** 2 / expected).sum()
    assert chi_square < 16.3, "beyond the 99.9 percent point of chi-square with 3 degrees of freedom"


def test_actions_count_from_the_start_of_the_space(ops: Ops, make_rng: Any):
    logits = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    plain, shifted = (Categorical(3, start).bind(ops).from_logits(logits) for start in (0, -4))
    actions, logp = plain.sample_and_logp(rng=make_rng(0))
    np.testing.assert_array_equal(shifted.sample(rng=make_rng(0)), actions - 4)
    np.testing.assert_array_equal(shifted.sample_and_logp(rng=make_rng(0))[1], logp)
    np.testing.assert_array_equal(shifted.logp(actions - 4), logp)
    np.testing.assert_array_equal(shifted.to_deterministic().sample(), logits.argmax(axis=-1) - 4)


def test_the_deterministic_form_takes_the_likeliest_action(ops: Ops):
    point = Categorical(3).bind(ops).from_logits(np.float32([[0, 5, 1], [3, 2, 1]])).to_deterministic()
    assert point.sample().tolist() == [1, 0]
    assert point.sample().dtype == np.int64
    assert point.logp(point.sample()).tolist() == [0.0, 0.0]
    assert point.entropy().shape == (2,)


def test_it_has_no_reparameterised_samples(ops: Ops):
    with pytest.raises(TypeError, match=r"no reparameterised samples; use sample\(\)"):
        Categorical(2).bind(ops).from_logits(np.zeros((1, 2), np.float32)).rsample()


def test_equal_descriptors_bind_to_the_same_class(ops: Ops):
    assert Categorical(3, 1).bind(ops) is Categorical(3, 1).bind(ops)
    assert Categorical(3, 1).bind(ops) is not Categorical(3).bind(ops)
    assert Categorical(3).input_dim == 3


def test_its_width_is_the_number_of_actions():
    assert CategoricalDistribution.required_input_dim(gym.spaces.Discrete(7, start=2)) == 7
    with pytest.raises(UnsupportedSpaceError, match="Discrete"):
        CategoricalDistribution.required_input_dim(gym.spaces.MultiBinary(3))


def test_it_needs_at_least_one_action():
    with pytest.raises(ConfigError, match=r"Categorical\.n must be a positive integer, got 0"):
        Categorical(0)
