from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_algorithms.finished_episodes import FinishedEpisodes

batches = st.lists(st.lists(st.floats(-1e6, 1e6), max_size=60), max_size=6)


@given(batches)
def test_means_are_over_the_last_hundred_returns_whatever_came_together(batches: list[list[float]]) -> None:
    episodes, returns = FinishedEpisodes(), [value for batch in batches for value in batch]
    for batch in batches:
        episodes.add(batch)
    metrics = episodes.metrics()
    assert metrics["num_episodes_lifetime"] == len(returns)
    assert episodes.recent_returns == returns[-100:]
    if returns:
        assert metrics["episode_return_mean"] == pytest.approx(np.mean(returns[-100:]))
        assert metrics["episode_return_max"] == max(returns[-100:])


def test_before_the_first_episode_there_is_no_return() -> None:
    metrics = FinishedEpisodes().metrics()
    assert math.isnan(metrics["episode_return_mean"])
    assert math.isnan(metrics["episode_return_max"])


def test_it_goes_on_from_what_was_stored() -> None:
    episodes = FinishedEpisodes(count=500, returns=[1.0] * 99)
    episodes.add([3.0, 5.0])
    assert episodes.metrics()["num_episodes_lifetime"] == 502
    assert episodes.recent_returns == [1.0] * 98 + [3.0, 5.0]
