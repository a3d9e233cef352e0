from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rlmodule_algorithms.sampling.env_values import (
    flag_row,
    flag_value,
    illegal_rows,
    observation_array,
    reward_row,
    reward_value,
)

INTEGERS = [np.dtype(name) for name in ("i1", "i2", "i4", "i8", "u1", "u2", "u4")]
SPACES = [np.dtype(name) for name in ("f2", "f4", "f8")] + INTEGERS


@given(
    value=arrays.arrays(st.sampled_from(INTEGERS), arrays.array_shapes(max_dims=2, max_side=3)),
    dtype=st.sampled_from(SPACES),
)
def test_integers_that_the_space_can_hold_pass_unchanged_and_others_never(value: Any, dtype: np.dtype[Any]) -> None:
    held = dtype.kind == "f" or bool((value.astype(dtype) == value).all())
    if held:
        assert np.array_equal(observation_array("an observation", value, value.shape, dtype), value)
    else:
        with pytest.raises(
            ValueError, match=f"expected an observation of dtype {dtype}, got .* of dtype {value.dtype}"
        ):
            observation_array("an observation", value, value.shape, dtype)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.array([1.5, 2.5]), "f4"),
        ([1.5, 2.5], "f4"),
        ([1, 2], "f4"),
        ((np.float32(1.0), 2), "f8"),
        ([True, False], "f4"),
        ([True, False], "i8"),
        (np.array([0, 255]), "u1"),
    ],
)
def test_what_observations_may_be_made_of(value: Any, dtype: str) -> None:
    assert observation_array("an observation", value, (2,), np.dtype(dtype)).tolist() == [*map(float, value)]


@pytest.mark.parametrize(
    ("value", "dtype", "found"),
    [
        (np.array([1.5, 2.0]), "i8", "of dtype float64"),
        (np.array([1.0, 2.0]), "u1", "of dtype float64"),
        ([1, 256], "u1", "of dtype int64"),
        ([1, -1], "u1", "of dtype int64"),
        ([1j, 2j], "f4", "of dtype complex128"),
        (["a", "b"], "f4", "of dtype <U1"),
        ([None, 1.0], "f4", r"got \[None, 1.0\] of dtype object"),
        (np.array([1.0, 2.0], object), "f4", "of dtype object"),
        (np.array(["2020-01-01", "2020-01-02"], "datetime64[D]"), "f4", "of dtype datetime64"),
    ],
)
def test_what_observations_must_not_be_made_of(value: Any, dtype: str, found: str) -> None:
    with pytest.raises(ValueError, match=f"expected an observation of dtype {np.dtype(dtype)}, got .*{found[-20:]}"):
        observation_array("an observation", value, (2,), np.dtype(dtype))


@pytest.mark.parametrize("value", [None, 1.0, "words", [1.0], [[1.0, 2.0]], np.zeros((2, 1)), {"a": 1}, np.zeros(0)])
def test_an_observation_of_another_shape_is_refused_with_both_shapes(value: Any) -> None:
    with pytest.raises(ValueError, match=r"expected an observation of shape \(2,\), got \w+ of shape \("):
        observation_array("an observation", value, (2,), np.dtype("f4"))


@pytest.mark.parametrize(
    "reward", [2, 2.0, np.float32(2.0), np.int8(2), np.uint8(2), np.array(2.0), np.array([2.0]), np.array(2, np.int64)]
)
def test_any_real_number_is_a_reward(reward: Any) -> None:
    assert reward_value(reward) == 2.0
    assert type(reward_value(reward)) is float


@pytest.mark.parametrize("reward", [None, "2.0", 2j, [1.0, 2.0], np.array([]), np.array(2.0, object), {}, object()])
def test_nothing_else_is_a_reward(reward: Any) -> None:
    with pytest.raises(ValueError, match="expected a reward that is one real number, got "):
        reward_value(reward)


@pytest.mark.parametrize("flag", [True, np.bool_(True), 1, 1.0, np.int64(1), np.array(True), np.array([1])])
def test_true_and_one_end_an_episode_and_false_and_zero_do_not(flag: Any) -> None:
    assert flag_value("terminated", flag) is True
    assert flag_value("terminated", flag * 0) is False


@pytest.mark.parametrize("flag", [None, "no", "", 2, -1, 0.5, np.nan, np.zeros(2, bool), [], {}])
def test_nothing_else_says_whether_an_episode_ended(flag: Any) -> None:
    with pytest.raises(ValueError, match="expected terminated to be True or False, got "):
        flag_value("terminated", flag)


@pytest.mark.parametrize("rewards", [[1, 2], (1.0, 2.0), np.array([1, 2], np.uint8), np.array([1.0, 2.0], np.float16)])
def test_a_row_of_rewards_is_one_number_per_environment(rewards: Any) -> None:
    assert reward_row(rewards, 2).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("rewards", "found"),
    [
        ([1.0], r"of shape \(2,\), got list of shape \(1,\)"),
        (1.0, r"of shape \(2,\), got float of shape \(\)"),
        (None, r"of shape \(2,\), got NoneType of shape \(\)"),
        (np.zeros((2, 1)), r"of shape \(2,\), got ndarray of shape \(2, 1\)"),
        ([1.0, None], r"to be real numbers, got \[1.0, None\] of dtype object"),
        (["1", "2"], "to be real numbers, got .* of dtype <U1"),
        ([1j, 2j], "to be real numbers, got .* of dtype complex128"),
    ],
)
def test_rows_of_rewards_that_numpy_would_have_converted_are_refused(rewards: Any, found: str) -> None:
    with pytest.raises(ValueError, match=f"expected rewards {found}"):
        reward_row(rewards, 2)


@pytest.mark.parametrize("flags", [[True, False], np.array([1, 0]), np.array([1.0, 0.0]), (np.bool_(True), False)])
def test_a_row_of_flags_is_true_or_false_per_environment(flags: Any) -> None:
    row = flag_row("terminateds", flags, 2)
    assert (row.tolist(), row.dtype) == ([True, False], np.dtype(np.bool_))


@pytest.mark.parametrize("flags", [[True, None], ["", "no"], [2, 0], [np.nan, 0.0], [True], False, None])
def test_rows_of_flags_that_numpy_would_have_converted_are_refused(flags: Any) -> None:
    with pytest.raises(ValueError, match="expected terminateds "):
        flag_row("terminateds", flags, 2)


@given(
    space=st.builds(gym.spaces.Discrete, st.integers(1, 5), start=st.integers(-3, 3)),
    values=arrays.arrays(np.int64, (3, 2), elements=st.integers(-9, 9)),
)
def test_illegal_rows_are_those_that_the_space_does_not_contain(space: Any, values: Any) -> None:
    expected = [[not space.contains(value) for value in row] for row in values]
    found = illegal_rows(values, space)
    assert (np.zeros((3, 2), bool) if found is None else found[0]).tolist() == expected


def test_an_illegal_row_is_one_with_any_illegal_element() -> None:
    space: Any = gym.spaces.MultiDiscrete([2, 3])
    rows, why = illegal_rows(np.array([[[0, 0], [1, 3]], [[1, 2], [2, 0]]]), space) or (None, None)
    assert (np.asarray(rows).tolist(), why) == ([[False, True], [False, True]], f"not in {space}")
    box = gym.spaces.Box(-1.0, 1.0, (2,))
    rows, why = illegal_rows(np.array([[0.0, np.inf], [9.0, 9.0], [np.nan, 0.0]]), box) or (None, None)
    assert (np.asarray(rows).tolist(), why) == ([True, False, True], "not finite")
