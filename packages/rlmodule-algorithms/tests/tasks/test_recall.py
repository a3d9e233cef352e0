from __future__ import annotations

from typing import Any

import numpy as np

from rlmodule_algorithms.tasks.recall import STEPS, Recall

ID = "rlmodule/Recall-v0"


def test_the_cue_is_shown_once_and_asked_for_at_the_last_step() -> None:
    env = Recall()
    cues = set()
    for seed in range(20):
        seen = [env.reset(seed=seed)[0]]
        for step in range(STEPS):
            obs, reward, terminated, _, _ = env.step(int(seen[0] - 1))
            seen.append(obs)
            assert reward == terminated == (step == STEPS - 1)
        assert seen[1:STEPS] == [0] * (STEPS - 2) + [5]
        cues.add(int(seen[0]))
    assert cues == {1, 2, 3, 4}


def test_only_the_last_answer_counts(returns: Any) -> None:
    cue: list[int] = [0]

    def act(obs: Any) -> int:
        cue[0] = int(obs) - 1 if 1 <= obs <= 4 else cue[0]
        return cue[0] if obs == 5 else (cue[0] + 1) % 4

    assert returns(ID, act, 50).tolist() == [1.0] * 50


def test_without_memory_one_of_four_answers_is_right(returns: Any, agrees: Any) -> None:
    rng = np.random.default_rng(0)
    assert agrees(returns(ID, lambda obs: int(rng.integers(4)), 1000), 1 / 4)
    assert agrees(returns(ID, lambda obs: 2, 1000), 1 / 4)
