"""A rollout that failed in the middle must leave no trace in the next one."""

from __future__ import annotations

from typing import Any

import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_core import NotANumberError, get_backend


def healing(scripted: Any, echo: Any, mode: AutoresetMode, sick: type[Any]) -> Runner:
    script = [(9, "truncated")]
    env = SyncVectorEnv([lambda: scripted(script), lambda: sick(script), lambda: scripted(script)], autoreset_mode=mode)
    return Runner(env, echo(env), rng=get_backend("numpy").rng(0), fragment_length=4, seed=0)


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.name)
def test_after_a_step_that_failed_every_environment_begins_a_new_episode(
    scripted: Any, echo: Any, mode: AutoresetMode
) -> None:
    class Sick(scripted):
        def step(self, action: Any) -> Any:
            if self.total == 2:
                self.total = 100
                raise OSError("lost for a moment")
            return super().step(action)

    runner = healing(scripted, echo, mode, Sick)
    with pytest.raises(EnvError, match="lost for a moment"):
        runner.sample()
    rollout = runner.sample()
    assert rollout.obs[:, :, 0].T.tolist() == [[10, 11, 12, 13, 14]] * 3
    assert rollout.rewards.T.tolist() == [[1, 2, 3, 4]] * 3
    assert (rollout.episode_returns, rollout.valid.all()) == ([], True)
    later = [runner.sample() for _ in range(2)]
    assert later[1].episode_lengths == [9, 9, 9]


def test_after_what_was_not_a_number_too(scripted: Any, echo: Any) -> None:
    class Sick(scripted):
        def __init__(self, script: Any) -> None:
            super().__init__(script, poison=(3, "reward"))

    runner = healing(scripted, echo, AutoresetMode.DISABLED, Sick)
    with pytest.raises(NotANumberError):
        runner.sample()
    assert runner.sample().obs[0, :, 0].tolist() == [10, 10, 10]


def test_whatever_interrupts(scripted: Any, echo: Any) -> None:
    class Sick(scripted):
        def step(self, action: Any) -> Any:
            if self.total == 2:
                self.total = 100
                raise KeyboardInterrupt
            return super().step(action)

    runner = healing(scripted, echo, AutoresetMode.SAME_STEP, Sick)
    with pytest.raises(KeyboardInterrupt):
        runner.sample()
    assert runner.sample().obs[0, :, 0].tolist() == [10, 10, 10]
