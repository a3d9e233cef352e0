from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling.environments import make_vector_env
from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_core import NotANumberError, get_backend


def runner(env: Any, echo: Any) -> Runner:
    return Runner(env, echo(env), rng=get_backend("numpy").rng(0), fragment_length=5, seed=0)


def sample(scripted: Any, echo: Any, poison: tuple[int, str], *, mode: Any = AutoresetMode.DISABLED) -> None:
    healthy, sick = ({"script": [(3, "truncated")], "poison": found} for found in (None, poison))
    factories = [lambda: scripted(**healthy), lambda: scripted(**sick)]
    runner(SyncVectorEnv(factories, autoreset_mode=mode), echo).sample()


def test_a_reward_that_is_not_finite_is_named_by_environment_and_step(scripted: Any, echo: Any) -> None:
    with pytest.raises(NotANumberError) as error:
        sample(scripted, echo, (4, "reward"))
    assert "Environment 1 (Scripted) gave a reward that is not finite at step 3 of this rollout: " in str(error.value)
    assert "nan" in str(error.value)
    assert "Nothing was learned from it" in str(error.value)


@pytest.mark.parametrize(("total", "step"), [(2, 1), (5, 4)])
def test_an_observation_that_is_not_finite_is_named_by_the_step_that_gave_it(
    scripted: Any, echo: Any, total: int, step: int
) -> None:
    expected = rf"Environment 1 \(Scripted\) gave an observation that is not finite at step {step} of this rollout: "
    with pytest.raises(NotANumberError, match=expected):
        sample(scripted, echo, (total, "obs"))


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.name)
def test_the_observation_that_a_truncated_episode_ended_with_is_looked_at_too(
    scripted: Any, echo: Any, mode: Any
) -> None:
    with pytest.raises(NotANumberError, match=r"Environment 1 .* an observation that is not finite at step 2 of this"):
        sample(scripted, echo, (3, "obs"), mode=mode)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_an_observation_of_reset_is_looked_at_too(scripted: Any, echo: Any, value: float) -> None:
    class Sick(scripted):
        def reset(self, **settings: Any) -> Any:
            super().reset(**settings)
            return np.array([value], np.float32), {}

    env = make_vector_env(Sick, {"script": [(3, "truncated")]}, 2)
    with pytest.raises(NotANumberError, match=r"Environment 0 \(Sick\) .* is not finite before this rollout: "):
        runner(env, echo).sample()


@pytest.mark.parametrize(("position", "what"), [(0, "an observation"), (1, "a reward")])
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_those_of_a_vector_environment_of_its_own_kind_are_named_too(
    echo: Any, position: int, what: str, value: float
) -> None:
    class Sick(CartPoleVectorEnv):
        calls = 0

        def step(self, actions: Any) -> Any:
            self.calls += 1
            result = super().step(actions)
            if self.calls == 3:
                result[position][1] = value
            return result

    with pytest.raises(NotANumberError, match=rf"Environment 1 \(Sick\) gave {what} that is not finite at step 2 of"):
        runner(make_vector_env(Sick, None, 2), echo).sample()


@pytest.mark.parametrize(
    ("space", "sick"),
    [
        (gym.spaces.Discrete(3), 3),
        (gym.spaces.Discrete(3), -1),
        (gym.spaces.Discrete(3, start=5), 2),
        (gym.spaces.MultiDiscrete([3, 3]), np.array([0, 3])),
    ],
)
def test_a_number_that_is_not_in_its_space_is_named_where_a_one_hot_row_would_have_been_zero(
    scripted: Any, echo: Any, space: Any, sick: Any
) -> None:
    class Healthy(scripted):
        observation_space = space

        def _observed(self, value: float) -> Any:
            return np.full(space.shape, space.start, np.int64)

    class Sick(Healthy):
        def _observed(self, value: float) -> Any:
            return sick if self.total == 4 else super()._observed(value)

    made = iter([Healthy([(9, "truncated")]), Sick([(9, "truncated")])])
    env = make_vector_env(lambda env_config: next(made), None, 2)
    with pytest.raises(EnvError) as error:
        runner(env, echo).sample()
    assert "Environment 1 (Sick) gave an observation that is not in " in str(error.value)
    assert f"{space} at step 3 of this rollout: " in str(error.value)


def test_integers_of_a_box_need_no_look(scripted: Any, echo: Any) -> None:
    class Bytes(scripted):
        observation_space = gym.spaces.Box(0, 255, (1,), np.uint8)

    env = make_vector_env(Bytes, {"script": [(3, "truncated")]}, 2)
    with pytest.raises(EnvError, match=r"expected an observation of dtype uint8, got .* of dtype float32"):
        runner(env, echo)

    class Whole(Bytes):
        def _observed(self, value: float) -> Any:
            return np.array([value], np.int64)

    rollout = runner(make_vector_env(Whole, {"script": [(3, "truncated")]}, 2), echo).sample()
    assert (rollout.obs[:4, 0, 0].tolist(), rollout.obs.dtype) == ([0, 1, 2, 10], np.dtype(np.uint8))
