from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_core import Categorical, Deterministic, DiagGaussian, to_env_actions


def _box(low: Any, high: Any, dtype: Any = np.float32) -> gym.spaces.Box:
    return gym.spaces.Box(np.array(low, dtype), np.array(high, dtype), dtype=dtype)


def test_minus_one_to_one_covers_finite_bounds():
    space = _box([-2.0, 0.0], [2.0, 10.0])
    sampled = np.float32([[-1, -1], [0, 0], [1, 1], [0.5, -0.5]])
    mapped = to_env_actions(DiagGaussian(2), space, sampled)
    assert mapped.tolist() == [[-2, 0], [0, 5], [2, 10], [1, 2.5]]


def test_actions_beyond_one_stay_at_the_bounds():
    mapped = to_env_actions(DiagGaussian(1), _box([-2.0], [6.0]), np.float32([[-5], [5]]))
    assert mapped.tolist() == [[-2], [6]]


def test_axes_without_two_finite_bounds_are_only_clipped():
    space = _box([-np.inf, 0.0, -np.inf, -2.0], [np.inf, np.inf, 0.0, 2.0])
    mapped = to_env_actions(DiagGaussian(4), space, np.float32([[50, -3, 3, 0.5], [-50, 3, -3, -9]]))
    assert mapped.tolist() == [[50, 0, 0, 1], [-50, 3, -3, -2]]


def test_the_widest_bounds_are_covered_without_an_overflow():
    widest = float(np.finfo(np.float64).max)
    mapped = to_env_actions(DiagGaussian(1), _box([-widest], [widest], np.float64), np.float32([[-1], [0], [1]]))
    assert mapped.tolist() == [[-widest], [0.0], [widest]]


@pytest.mark.parametrize("descriptor", [DiagGaussian(1, normalize_actions=False), Deterministic(1), None])
def test_without_normalisation_actions_are_only_clipped(descriptor: Any):
    mapped = to_env_actions(descriptor, _box([-2.0], [6.0]), np.float32([[-5], [0.25], [50]]))
    assert mapped.tolist() == [[-2], [0.25], [6]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("descriptor", [DiagGaussian(1), None])
def test_the_result_has_the_space_s_dtype(dtype: Any, descriptor: Any):
    assert to_env_actions(descriptor, _box([-2.0], [6.0], dtype), np.float32([[0.5]])).dtype == dtype


def test_the_widest_bounds_do_not_overflow():
    most = np.finfo(np.float32).max
    mapped = to_env_actions(DiagGaussian(1), _box([-most], [most]), np.float32([[-1], [0], [1]]))
    assert mapped.tolist() == [[-most], [0], [most]]


@given(st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6, width=32), st.floats(-9, 9, width=32))
@settings(max_examples=60)
def test_the_result_lies_in_the_space(one: float, other: float, sampled: float):
    space = _box([min(one, other)], [max(one, other)])
    for descriptor in (DiagGaussian(1), DiagGaussian(1, normalize_actions=False)):
        assert space.contains(to_env_actions(descriptor, space, np.float32([[sampled]]))[0])


def test_other_actions_pass_unchanged():
    actions = np.array([3, 4])
    assert to_env_actions(Categorical(2, 3), gym.spaces.Discrete(2, start=3), actions) is actions


def test_the_given_array_is_not_written_to():
    sampled = np.float32([[5.0]])
    to_env_actions(None, _box([-2.0], [2.0]), sampled)
    to_env_actions(DiagGaussian(1), _box([-2.0], [2.0]), sampled)
    assert sampled.tolist() == [[5.0]]
