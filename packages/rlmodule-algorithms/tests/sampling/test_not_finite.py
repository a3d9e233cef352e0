from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_core import NotANumberError, get_backend


def sample(scripted: Any, echo: Any, poison: tuple[int, str], *, mode: Any = AutoresetMode.DISABLED) -> None:
    healthy, sick = ({"script": [(3, "truncated")], "poison": found} for found in (None, poison))
    factories = [lambda: scripted(**healthy), lambda: scripted(**sick)]
    env = SyncVectorEnv(factories, autoreset_mode=mode)
    Runner(env, echo(env), rng=get_backend("numpy").rng(0), fragment_length=5, seed=0).sample()


def test_a_reward_that_is_not_finite_is_named_by_environment_and_step(scripted: Any, echo: Any) -> None:
    with pytest.raises(NotANumberError, match="Environment 1 gave a reward that is not finite at step 3 of") as error:
        sample(scripted, echo, (4, "reward"))
    assert "Nothing was learned from it" in str(error.value)


def test_an_observation_that_is_not_finite_is_named_by_environment_and_step(scripted: Any, echo: Any) -> None:
    with pytest.raises(NotANumberError, match="Environment 1 gave an observation that is not finite at step 2 of"):
        sample(scripted, echo, (2, "obs"))


def test_the_observation_behind_the_last_step_is_looked_at_too(scripted: Any, echo: Any) -> None:
    with pytest.raises(NotANumberError, match="Environment 1 gave an observation that is not finite at step 5 of"):
        sample(scripted, echo, (5, "obs"))


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.name)
def test_the_observation_that_a_truncated_episode_ended_with_is_looked_at_too(
    scripted: Any, echo: Any, mode: Any
) -> None:
    with pytest.raises(NotANumberError, match="Environment 1 gave an observation that is not finite at step 3 of"):
        sample(scripted, echo, (3, "obs"), mode=mode)


def test_integer_observations_need_no_look(echo: Any) -> None:
    from rlmodule_algorithms.sampling.rollout import Rollout

    Rollout.empty(2, 1, (), np.dtype(np.int64)).require_finite()
