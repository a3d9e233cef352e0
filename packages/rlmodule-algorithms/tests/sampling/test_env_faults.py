from __future__ import annotations

import logging
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv

from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling.environments import make_env, make_vector_env
from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_core import ConfigError, RLModuleError, get_backend

OBS = np.zeros(1, np.float32)
SCRIPT = [(2, "terminated")]


def sample(env: Any, echo: Any) -> Any:
    return Runner(env, echo(env), rng=get_backend("numpy").rng(0), fragment_length=5, seed=0).sample()


def second_is(scripted: Any, sick: type[Any]) -> Any:
    """Two environments, of which number 1 is the sick one."""
    made = iter([scripted(SCRIPT), sick(SCRIPT)])
    return make_vector_env(lambda env_config: next(made), None, 2)


@pytest.mark.parametrize(
    "result",
    [
        None,
        "done",
        OBS,
        (OBS, 0.0, False, {}),
        (None, 0.0, False, False, {}),
        ("words", 0.0, False, False, {}),
        (np.zeros(2), 0.0, False, False, {}),
        (np.zeros((1, 1)), 0.0, False, False, {}),
        (np.array(["x"]), 0.0, False, False, {}),
        (OBS, np.zeros(2), False, False, {}),
        (OBS, "much", False, False, {}),
        (OBS, 0.0, np.zeros(2, bool), False, {}),
        (np.array([None]), 0.0, False, False, {}),
        (np.array([1j]), 0.0, False, False, {}),
        (OBS, None, False, False, {}),
        (OBS, "1.0", False, False, {}),
        (OBS, 1j, False, False, {}),
        (OBS, 0.0, None, False, {}),
        (OBS, 0.0, False, "no", {}),
        (OBS, 0.0, float("nan"), False, {}),
    ],
    ids=lambda result: repr(result)[:40],
)
def test_what_step_must_not_return_is_named_by_environment_call_and_step(scripted: Any, echo: Any, result: Any) -> None:
    class Sick(scripted):
        def step(self, action: Any) -> Any:
            return result if self.total == 3 else super().step(action)

    with pytest.raises(EnvError) as error:
        sample(second_is(scripted, Sick), echo)
    assert "Environment 1 (Sick) failed in step() at step 3 of this rollout: " in str(error.value)
    assert "step() (obs, reward, terminated, truncated, info)" in str(error.value)
    assert f"{type(error.value.__cause__).__name__}: {error.value.__cause__}" in str(error.value)


def test_what_is_near_enough_is_converted(scripted: Any, echo: Any) -> None:
    class Careless(scripted):
        def step(self, action: Any) -> Any:
            obs, reward, terminated, truncated, info = super().step(action)
            return obs.astype(np.float64), int(reward), np.bool_(terminated), int(truncated), info

        def reset(self, **settings: Any) -> Any:
            obs, info = super().reset(**settings)
            return obs.tolist(), info

    careless, exact = (sample(make_vector_env(env, {"script": SCRIPT}, 2), echo) for env in (Careless, scripted))
    assert np.array_equal(careless.obs, exact.obs)
    assert careless.obs.dtype == np.float32
    assert np.array_equal(careless.rewards, exact.rewards)
    assert np.array_equal(careless.terminateds, exact.terminateds)


@pytest.mark.parametrize(
    "result", [None, "no", OBS, (None, {}), (np.zeros(2), {}), (np.array([1j]), {}), (["x"], {})], ids=repr
)
def test_what_reset_must_not_return_is_named_at_the_start_and_later(scripted: Any, echo: Any, result: Any) -> None:
    class SickAtOnce(scripted):
        def reset(self, **settings: Any) -> Any:
            return result

    class SickLater(scripted):
        def reset(self, **settings: Any) -> Any:
            return super().reset(**settings) if self.total == 0 else result

    with pytest.raises(EnvError, match=r"Environment 1 \(SickAtOnce\) failed in reset\(\) at the start: "):
        sample(second_is(scripted, SickAtOnce), echo)
    with pytest.raises(EnvError, match=r"Environment 1 \(SickLater\) failed in reset\(\) after step 1 of this rollou"):
        sample(second_is(scripted, SickLater), echo)


def test_an_environment_that_raises_is_named_with_its_cause(scripted: Any, echo: Any) -> None:
    class Crashing(scripted):
        def step(self, action: Any) -> Any:
            raise OSError("the simulator is gone")

    with pytest.raises(EnvError, match="at step 0 of this rollout: OSError: the simulator is gone") as error:
        sample(second_is(scripted, Crashing), echo)
    assert isinstance(error.value.__cause__, OSError)
    assert isinstance(error.value, RLModuleError)


@pytest.mark.parametrize("id_", ["Pendulum-v1", "CartPole-v1"])
def test_a_registered_environment_is_named_by_its_id(echo: Any, monkeypatch: pytest.MonkeyPatch, id_: str) -> None:
    env: Any = make_vector_env(id_, None, 2)
    broken = env.unwrapped if id_ == "CartPole-v1" else env.envs[0].unwrapped
    monkeypatch.setattr(broken, "step", lambda action: None)
    with pytest.raises(EnvError, match=rf"{id_}\)? failed in step\(\) at step 0"):
        sample(env, echo)


@pytest.mark.parametrize(
    ("position", "value", "found"),
    [
        (0, np.zeros(4, np.float32), r"observations of shape \(2, 4\), got ndarray of shape \(4,\)"),
        (1, 1.0, r"rewards of shape \(2,\), got float of shape \(\)"),
        (1, np.zeros((2, 1)), r"rewards of shape \(2,\), got ndarray of shape \(2, 1\)"),
        (2, False, r"terminateds of shape \(2,\), got bool"),
        (3, np.zeros(1, bool), r"truncateds of shape \(2,\), got ndarray of shape \(1,\)"),
        (0, np.zeros((2, 4), object), r"observations of dtype float32, got .* of dtype object"),
        (0, np.zeros((2, 4), complex), r"observations of dtype float32, got .* of dtype complex128"),
        (1, np.array([1.0, None]), r"rewards to be real numbers, got .* of dtype object"),
        (1, np.zeros(2, complex), r"rewards to be real numbers, got .* of dtype complex128"),
        (2, [None, False], r"terminateds to be True or False, got \[None, False\]"),
        (3, np.array([0, 2]), r"truncateds to be True or False, got array"),
    ],
)
def test_what_a_vector_environment_would_have_broadcast_is_refused(
    echo: Any, position: int, value: Any, found: str
) -> None:
    class Sick(CartPoleVectorEnv):
        def step(self, actions: Any) -> Any:
            result: list[Any] = list(super().step(actions))
            result[position] = value
            return tuple(result)

    with pytest.raises(EnvError, match=rf"The environment Sick failed in step\(\) at step 0 .*expected {found}"):
        sample(make_vector_env(Sick, None, 2), echo)


def test_an_environment_that_cannot_be_made_is_named_by_its_number_and_those_made_before_it_are_closed(
    scripted: Any,
) -> None:
    made: list[Any] = []

    def make(env_config: Any) -> Any:
        if made:
            raise ConnectionError("no simulator listens")
        made.append(scripted(SCRIPT))
        return made[0]

    with pytest.raises(EnvError, match=r"Making environment 1 of 3 \(.*make\) failed: ConnectionError: no simulator"):
        make_vector_env(make, None, 3)
    assert made[0].closed


def test_an_environment_whose_package_is_missing_says_so() -> None:
    def creator() -> Any:
        raise gym.error.DependencyNotInstalled("box2d is not installed, run pip install it")

    gym.register("Missing-v0", entry_point=creator)
    try:
        with pytest.raises(EnvError, match="Making the environment 'Missing-v0' failed: DependencyNotInstalled: box2d"):
            make_env("Missing-v0")
    finally:
        del gym.registry["Missing-v0"]


def test_an_environment_without_spaces_is_refused() -> None:
    for make in (lambda: make_env(gym.Env), lambda: make_vector_env(gym.Env, None, 2)):
        with pytest.raises(EnvError, match="The environment Env has no observation_space: set it to a gymnasium"):
            make()


@pytest.mark.parametrize(
    ("field", "other"),
    [("action_space", gym.spaces.Discrete(3)), ("observation_space", gym.spaces.Box(-1.0, 1.0, (1,)))],
)
def test_environments_of_different_spaces_are_refused(scripted: Any, field: str, other: Any) -> None:
    def make(env_config: Any) -> Any:
        made.append(scripted(SCRIPT))
        if len(made) == 2:
            setattr(made[1], field, other)
        return made[-1]

    made: list[Any] = []
    with pytest.raises(EnvError, match=rf"Making environment 1 of 2 \(.*make\) gave one with {field} .*, expected "):
        make_vector_env(make, None, 2)
    assert [env.closed for env in made] == [True, True]


def test_one_environment_cannot_be_two(scripted: Any) -> None:
    only = scripted(SCRIPT)
    with pytest.raises(ConfigError, match=r"Making environment 1 of 2 .* gave an environment that was given before"):
        make_vector_env(lambda env_config: gym.wrappers.TimeLimit(only, 3), None, 2)
    assert only.closed


def test_a_close_that_fails_is_logged_and_hides_nothing(
    scripted: Any, echo: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Sick(scripted):
        def close(self) -> None:
            raise OSError("already gone")

    made = [Sick(SCRIPT), scripted(SCRIPT)]
    remaining = iter(made)
    env = make_vector_env(lambda env_config: next(remaining), None, 2)
    runner = Runner(env, echo(env), rng=get_backend("numpy").rng(0), fragment_length=5, seed=0)
    with caplog.at_level(logging.WARNING):
        runner.close()
    assert "The environment Sick failed in close()" in caplog.text
    assert "already gone" in caplog.text
    assert made[1].closed
