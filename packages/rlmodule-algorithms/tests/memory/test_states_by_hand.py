"""Recurrent states, sequences and advantages computed by hand, for every autoreset mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_algorithms.sampling.train_batch import actor_critic_batch, transitions
from rlmodule_core import ConfigError, get_backend

SCRIPT = [(2, "truncated"), (2, "terminated"), (3, "truncated")]
"""Observed: 0 1 (2, cut) | 10 11 (12, terminal) | 20 21 22 (23, cut)."""
MODES = list(AutoresetMode)


def sampler(scripted: Any, summing: Any, mode: AutoresetMode, max_seq_len: int | None) -> tuple[Runner, Any]:
    env = SyncVectorEnv([lambda: scripted(SCRIPT)] * 2, autoreset_mode=mode)
    module = summing(env, max_seq_len)
    steps = 7 if mode is AutoresetMode.NEXT_STEP else 5
    return Runner(env, module, rng=get_backend("numpy").rng(0), fragment_length=steps, seed=0), module


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("max_seq_len", [None, 1, 2, 3])
def test_advantages_are_the_numbers_computed_by_hand(
    scripted: Any, summing: Any, mode: AutoresetMode, max_seq_len: int | None
) -> None:
    runner, module = sampler(scripted, summing, mode, max_seq_len)
    # Values are sums over the episode: 0 1 (3) | 10 21 (33) | 20 41. Rewards: 1 2 | 1 2 | 1.
    # With gamma 0.5: 1 + 0.5 - 0 | 2 + 1.5 - 1 || 1 + 10.5 - 10 | 2 + 0 - 21 || 1 + 20.5 - 20, and 0.25 of the next.
    values = np.array([0.0, 1.0, 10.0, 21.0, 20.0])
    by_hand = np.array([1.5 + 0.25 * 2.5, 2.5, 1.5 + 0.25 * -19.0, -19.0, 1.5])
    columns, _ = actor_critic_batch(runner.sample(), module, gamma=0.5, lambda_=0.5)
    for b in (0, 1):
        rows = columns["value_targets"][b::2][columns["loss_mask"][b::2]]
        np.testing.assert_allclose(rows, by_hand + values, rtol=1e-6)
    standardised = columns["advantages"][columns["loss_mask"]]
    np.testing.assert_allclose([standardised.mean(), standardised.std()], [0.0, 1.0], atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_sequences_begin_with_episodes_and_in_the_states_that_were_acted_in(
    scripted: Any, summing: Any, mode: AutoresetMode
) -> None:
    runner, _ = sampler(scripted, summing, mode, 2)
    columns = transitions(runner.sample())
    assert columns["obs"][::2, :, 0].tolist() == [[0, 1], [10, 11], [20, 0]]
    assert columns["new_obs"][::2, :, 0].tolist() == [[1, 2], [11, 12], [21, 0]]
    assert columns["seq_lens"].tolist() == [2, 2, 2, 2, 1, 1]
    assert columns["loss_mask"].tolist() == [[True, True]] * 4 + [[True, False]] * 2
    assert columns["state_in"]["inner"]["sum"].tolist() == [[0.0]] * 6
    # The third episode goes on: 21 22 (23, cut), in the state after 20. Then 30 31 (32, cut).
    later = transitions(runner.sample())
    assert later["obs"][::2, :, 0].tolist()[:2] == [[21, 22], [30, 31]]
    assert later["state_in"]["inner"]["sum"].tolist()[:4] == [[20.0], [20.0], [0.0], [0.0]]


def test_long_episodes_are_cut_where_the_setting_says(scripted: Any, summing: Any) -> None:
    env = SyncVectorEnv([lambda: scripted([(9, "truncated")])], autoreset_mode="SameStep")
    runner = Runner(env, summing(env, 3), rng=get_backend("numpy").rng(0), fragment_length=8, seed=0)
    columns = transitions(runner.sample())
    assert columns["obs"][..., 0].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 0]]
    assert columns["state_in"]["inner"]["sum"][:, 0].tolist() == [0, 3, 15]
    # The last step of the episode, then the next episode.
    columns = transitions(runner.sample())
    assert columns["seq_lens"].tolist() == [1, 3, 3, 1]
    assert columns["state_in"]["inner"]["sum"][:, 0].tolist() == [28, 0, 33, 75]


def test_restarting_clears_the_states(scripted: Any, summing: Any) -> None:
    runner, _ = sampler(scripted, summing, AutoresetMode.DISABLED, None)
    runner.sample()
    runner.restart(0)
    columns = transitions(runner.sample())
    assert columns["state_in"]["inner"]["sum"].tolist() == [[0.0]] * 6


def test_a_fragment_in_which_everything_only_resets_has_no_sequences(scripted: Any, summing: Any) -> None:
    env = SyncVectorEnv([lambda: scripted([(1, "terminated")])], autoreset_mode="NextStep")
    runner = Runner(env, summing(env, 4), rng=get_backend("numpy").rng(0), fragment_length=1, seed=0)
    lengths = []
    for _ in range(4):
        columns, _ = actor_critic_batch(runner.sample(), runner.module, gamma=0.9, lambda_=0.9)
        lengths.append(columns["seq_lens"].tolist())
    assert lengths == [[1], [], [1], []]


@pytest.mark.parametrize("limit", [0, -1, 2.5, "20", True])
def test_a_limit_that_is_no_positive_integer_is_refused(scripted: Any, summing: Any, limit: Any) -> None:
    env = SyncVectorEnv([lambda: scripted(SCRIPT)])
    with pytest.raises(ConfigError, match=r"'max_seq_len' must be an integer of at least 1"):
        Runner(env, summing(env, limit), rng=get_backend("numpy").rng(0), fragment_length=1, seed=0)
