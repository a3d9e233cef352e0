from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_algorithms.schedules import Schedule
from rlmodule_core import ConfigError


def test_a_number_never_changes() -> None:
    schedule = Schedule.of("lr", 0.5)
    assert [schedule.at(step) for step in (0, 1, 10**9)] == [0.5, 0.5, 0.5]


def test_points_are_joined_by_lines_and_the_last_value_stays() -> None:
    schedule = Schedule.of("lr", [(0, 1.0), (100, 0.5), (300, 0.0)])
    assert [schedule.at(step) for step in (0, 50, 100, 200, 300, 10**9)] == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]


@given(st.integers(1, 10**9), st.floats(0, 1), st.floats(0, 1), st.integers(0, 10**9))
def test_a_schedule_stays_between_its_values(end: int, first: float, last: float, step: int) -> None:
    assert min(first, last) <= Schedule.of("lr", [(0, first), (end, last)]).at(step) <= max(first, last)


@pytest.mark.parametrize("value", [[], [(0,)], [(0, 1.0, 2.0)], [(0, "high")], [0, 1], [(0, None)]], ids=str)
def test_a_malformed_schedule_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"'entropy_coeff' must be a number or a list of \(timestep, value\) pairs"):
        Schedule.of("entropy_coeff", value)


@pytest.mark.parametrize("value", [[(1, 1.0)], [(0, 1.0), (0, 2.0)], [(0, 1.0), (9, 2.0), (5, 3.0)]], ids=str)
def test_timesteps_must_start_at_0_and_grow(value: Any) -> None:
    with pytest.raises(ConfigError, match="'lr' must start at timestep 0 and its timesteps must grow") as error:
        Schedule.of("lr", value)
    assert str(value) in str(error.value)
