from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_algorithms import compute_gae
from rlmodule_algorithms.gae import explained_variance, standardised

NO = np.zeros((3, 1), np.bool_)
AFTER_TWO = np.array([[False], [True], [False]])


def column(*values: float) -> Any:
    return np.array(values, np.float32)[:, None]


REWARDS, VALUES, NEXT = column(1, 2, 3), column(4, 5, 6), column(5, 10, 7)


def test_an_episode_that_goes_on_sums_discounted_errors() -> None:
    advantages, targets = compute_gae(REWARDS, VALUES, NEXT, NO, NO, gamma=0.5, lambda_=0.5)
    # Errors: 1 + 2.5 - 4, 2 + 5 - 5, 3 + 3.5 - 6, each weighted by 1/4 per step.
    assert advantages[:, 0].tolist() == [-0.5 + 0.25 * 2.125, 2.0 + 0.25 * 0.5, 0.5]
    assert np.array_equal(targets, advantages + VALUES)


def test_a_termination_in_the_middle_is_worth_nothing_more() -> None:
    advantages, _ = compute_gae(REWARDS, VALUES, NEXT, AFTER_TWO, NO, gamma=0.5, lambda_=0.5)
    assert advantages[:, 0].tolist() == [-0.5 + 0.25 * -3.0, 2.0 - 5.0, 0.5]


def test_a_truncation_in_the_middle_is_worth_the_state_it_was_cut_in_and_takes_nothing_from_the_next_episode() -> None:
    advantages, _ = compute_gae(REWARDS, VALUES, NEXT, NO, AFTER_TWO, gamma=0.5, lambda_=0.5)
    assert advantages[:, 0].tolist() == [-0.5 + 0.25 * 2.0, 2.0 + 5.0 - 5.0, 0.5]


def test_a_step_that_is_both_terminated_and_truncated_is_terminal() -> None:
    both, _ = compute_gae(REWARDS, VALUES, NEXT, AFTER_TWO, AFTER_TWO, gamma=0.5, lambda_=0.5)
    terminated, _ = compute_gae(REWARDS, VALUES, NEXT, AFTER_TWO, NO, gamma=0.5, lambda_=0.5)
    assert np.array_equal(both, terminated)


def test_results_are_float32_and_inputs_stay_as_they_were() -> None:
    before = [array.copy() for array in (REWARDS, VALUES, NEXT)]
    results = compute_gae(REWARDS, VALUES, NEXT, AFTER_TWO, NO, gamma=0.99, lambda_=0.95)
    assert {array.dtype for array in results} == {np.dtype(np.float32)}
    assert all(map(np.array_equal, before, (REWARDS, VALUES, NEXT)))


ends = st.sampled_from(["goes on", "terminated", "truncated"])
unit = st.floats(0.0, 1.0)


@st.composite
def rollouts(draw: st.DrawFn) -> dict[str, Any]:
    shape = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    floats = rng.normal(size=(3, *shape)).astype(np.float32)
    kinds = np.array(draw(st.lists(ends, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))).reshape(shape)
    flags = {"terminateds": kinds == "terminated", "truncateds": kinds == "truncated"}
    return {**dict(zip(("rewards", "values", "next_values"), floats, strict=True)), **flags}


def episodes(flags: Any) -> list[range]:
    """The steps of each episode of one environment."""
    starts = [0, *(np.flatnonzero(flags[:-1]) + 1)]
    return [range(start, stop) for start, stop in zip(starts, [*starts[1:], len(flags)], strict=True)]


def by_episode(rollout: dict[str, Any], gamma: float, lambda_: float) -> Any:
    """The advantage of every step as the explicit double sum of its own episode's errors, in float64."""
    result = np.zeros(rollout["rewards"].shape)
    rewards, values, following = (rollout[name].astype(np.float64) for name in ("rewards", "values", "next_values"))
    for b in range(result.shape[1]):
        for steps in episodes((rollout["terminateds"] | rollout["truncateds"])[:, b]):
            worth = [0.0 if rollout["terminateds"][t, b] else following[t, b] for t in steps]
            errors = [rewards[t, b] + gamma * worth[i] - values[t, b] for i, t in enumerate(steps)]
            for i, t in enumerate(steps):
                result[t, b] = sum((gamma * lambda_) ** (j - i) * errors[j] for j in range(i, len(steps)))
    return result


@given(rollouts(), unit, unit)
def test_the_recursion_equals_the_sum_over_each_episode(rollout: dict[str, Any], gamma: float, lambda_: float) -> None:
    advantages, _ = compute_gae(**rollout, gamma=gamma, lambda_=lambda_)
    np.testing.assert_allclose(advantages, by_episode(rollout, gamma, lambda_), rtol=1e-4, atol=1e-5)


@given(rollouts(), unit)
def test_with_lambda_1_the_target_is_the_discounted_return(rollout: dict[str, Any], gamma: float) -> None:
    # Within an episode the value of the next state is that of the next row; then the values cancel.
    going_on = ~(rollout["terminateds"] | rollout["truncateds"])[:-1]
    rollout["next_values"][:-1] = np.where(going_on, rollout["values"][1:], rollout["next_values"][:-1])
    _, targets = compute_gae(**rollout, gamma=gamma, lambda_=1.0)
    for b in range(targets.shape[1]):
        for steps in episodes((rollout["terminateds"] | rollout["truncateds"])[:, b]):
            last = steps[-1]
            returns = 0.0 if rollout["terminateds"][last, b] else float(rollout["next_values"][last, b])
            for t in reversed(steps):
                returns = rollout["rewards"][t, b] + gamma * returns
                assert targets[t, b] == pytest.approx(returns, rel=1e-4, abs=1e-4)


@given(st.integers(0, 2**31))
def test_standardised_advantages_have_mean_0_and_deviation_1_over_the_rows_that_count(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((8, 4)) < 0.7
    mask[0, :2] = True
    advantages = rng.normal(3.0, 5.0, size=(8, 4)).astype(np.float32)
    advantages[~mask] = 1e6
    counted = standardised(advantages, mask)[mask]
    assert counted.mean() == pytest.approx(0.0, abs=1e-5)
    assert counted.std() == pytest.approx(1.0, abs=1e-4)


def test_equal_advantages_become_zero_and_not_infinite() -> None:
    assert standardised(np.full((4, 1), 2.0, np.float32), None).tolist() == [[0.0]] * 4


def test_standardising_without_any_row_that_counts_changes_nothing() -> None:
    advantages = np.ones((2, 1), np.float32)
    assert standardised(advantages, np.zeros((2, 1), np.bool_)) is advantages


@pytest.mark.parametrize(
    ("predictions", "expected"),
    [([1, 2, 3], 1.0), ([11, 12, 13], 1.0), ([2, 2, 2], 0.0), ([0, 2, 4], 0.0), ([9, 0, -9], -1.0)],
    ids=["perfect", "off by a constant", "constant", "twice as steep", "not below -1"],
)
def test_explained_variance(predictions: list[float], expected: float) -> None:
    assert explained_variance(column(*predictions), column(1, 2, 3), None) == pytest.approx(expected)


def test_explained_variance_counts_masked_rows_only_and_is_0_for_constant_targets() -> None:
    mask = np.array([[True], [True], [False]])
    assert explained_variance(column(1, 2, 99), column(1, 2, 3), mask) == 1.0
    assert explained_variance(column(1, 2, 3), column(5, 5, 5), None) == 0.0
