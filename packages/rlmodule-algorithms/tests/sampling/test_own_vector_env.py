"""Vector environments that the user's own functions and classes make."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from rlmodule_algorithms import PPOConfig
from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling import closing
from rlmodule_algorithms.sampling.closing import close_quietly
from rlmodule_algorithms.sampling.environments import make_env, make_vector_env
from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_core import ConfigError, RLModuleError, UnsupportedSpaceError, get_backend

# Gymnasium reports what its workers report, and Python that a process with threads is forked.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:gymnasium"),
    pytest.mark.filterwarnings("ignore:.*Received the following error:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*Traceback:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*Raising the last exception:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]

SCRIPT = [(2, "terminated"), (3, "truncated")]
KINDS = [SyncVectorEnv, AsyncVectorEnv]


def runner(env: Any, echo: Any) -> Runner:
    return Runner(env, echo(env), rng=get_backend("numpy").rng(0), fragment_length=5, seed=0)


def second_is(scripted: Any, sick: type[Any], kind: Callable[..., Any], **settings: Any) -> Any:
    return make_vector_env(
        lambda env_config: kind([lambda: scripted(SCRIPT), lambda: sick(SCRIPT)], **settings), None, 2
    )


@pytest.mark.parametrize("mode", ["sync", "async", "vector_entry_point"])
def test_a_function_may_make_a_vector_environment(mode: str, small_ppo: PPOConfig, build: Any) -> None:
    def make(env_config: Any) -> Any:
        return gym.make_vec("CartPole-v1", num_envs=4, vectorization_mode=mode)

    algorithm = build(small_ppo.environment(make))
    assert "policy_loss" in algorithm.train()["learners"]["default_policy"]
    with pytest.raises(ConfigError, match=r"make makes vector environments only, but a single one is needed here"):
        algorithm.evaluate()


def test_so_may_a_class_of_ones_own_that_takes_the_number(scripted: Any, echo: Any) -> None:
    class Own(SyncVectorEnv):
        def __init__(self, num_envs: int, script: Any) -> None:
            super().__init__([lambda: scripted(script)] * num_envs, autoreset_mode=AutoresetMode.SAME_STEP)

    rollout = runner(make_vector_env(Own, {"script": SCRIPT}, 2), echo).sample()
    assert rollout.obs[:, 0, 0].tolist() == [0, 1, 10, 11, 12, 20]
    assert [obs.tolist() for obs in rollout.last_obs] == [[2.0], [2.0], [13.0], [13.0]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_that_does_not_take_the_number_is_refused_with_the_way_out(kind: Any) -> None:
    with pytest.raises(ConfigError, match=rf"{kind.__name__} does not take num_envs.*Give .environment\(\) a function"):
        make_vector_env(kind, {"env_fns": []}, 2)


def test_another_number_of_environments_is_refused_with_both_and_closed(scripted: Any) -> None:
    singles = [scripted(SCRIPT) for _ in range(3)]
    env = SyncVectorEnv([lambda single=single: single for single in singles])
    with pytest.raises(ConfigError, match="gave 3 environments side by side, but num_envs_per_env_runner is 2"):
        make_vector_env(lambda env_config: env, None, 2)
    assert [single.closed for single in singles] == [True] * 3


def test_a_class_that_forgets_the_number_or_a_space_is_refused() -> None:
    class Careless(CartPoleVectorEnv):
        def __init__(self, num_envs: int, forgotten: str) -> None:
            super().__init__(num_envs)
            setattr(self, forgotten, None)

    with pytest.raises(ConfigError, match="Careless gave None environments side by side"):
        make_vector_env(Careless, {"forgotten": "num_envs"}, 2)
    with pytest.raises(EnvError, match="Careless gave has no single_action_space: set it to a gymnasium"):
        make_vector_env(Careless, {"forgotten": "single_action_space"}, 2)


def test_a_vector_environment_is_no_single_one_and_is_closed(scripted: Any) -> None:
    single = scripted(SCRIPT)
    with pytest.raises(ConfigError, match="makes vector environments only"):
        make_env(lambda env_config: SyncVectorEnv([lambda: single]))
    assert single.closed


ODD_SHAPE = (np.zeros(2), 0.0, False, False, {})


@pytest.mark.parametrize(
    ("kind", "method", "result"),
    [
        *((kind, "step", result) for kind in KINDS for result in (None, ODD_SHAPE, ("words", 0.0, False, False, {}))),
        *((kind, "reset", result) for kind in KINDS for result in (None, (np.zeros(3), {}))),
        # A worker writes them into shared memory, where None is not a number and an axis more means nothing.
        (SyncVectorEnv, "step", (np.array([None]), 0.0, False, False, {})),
        (SyncVectorEnv, "step", (np.zeros((1, 1)), 0.0, False, False, {})),
    ],
)
def test_what_a_single_one_must_not_return_is_named_by_its_number_call_and_step(
    scripted: Any, echo: Any, kind: Any, method: str, result: Any
) -> None:
    class Sick(scripted):
        def step(self, action: Any) -> Any:
            return result if method == "step" and self.total == 1 else super().step(action)

        def reset(self, **settings: Any) -> Any:
            return result if method == "reset" and self.total == 2 else super().reset(**settings)

    env = second_is(scripted, Sick, kind)
    try:
        with pytest.raises(EnvError, match=r"Environment 1 \(\w+\) failed in step\(\) at step [12] of this rollout: "):
            runner(env, echo).sample()
    finally:
        close_quietly(env)


@pytest.mark.parametrize(
    "result", [(np.zeros(1), "1.0", False, False, {}), (np.zeros(1), 0.0, None, False, {}), (np.zeros(1), 1j, 0, 0, {})]
)
def test_what_gymnasiums_own_would_have_converted_is_refused_where_we_can(
    scripted: Any, echo: Any, result: Any
) -> None:
    class Sick(scripted):
        def step(self, action: Any) -> Any:
            return result

    with pytest.raises(
        EnvError, match=r"Environment 1 \(Sick\) failed in step\(\) at step 0 of this rollout: ValueErr"
    ):
        runner(second_is(scripted, Sick, SyncVectorEnv), echo).sample()


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_raises_is_named_by_its_number_and_the_others_can_be_closed(
    scripted: Any, echo: Any, kind: Any
) -> None:
    class Crashing(scripted):
        def step(self, action: Any) -> Any:
            if self.total == 2:
                raise OSError("the simulator is gone")
            return super().step(action)

    env = second_is(scripted, Crashing, kind, autoreset_mode=AutoresetMode.SAME_STEP)
    expected = r"Environment 1 \(\w+\) failed in step\(\) at step 2 of this rollout: OSError: the simulator is gone"
    with pytest.raises(EnvError, match=expected):
        runner(env, echo).sample()
    close_quietly(env)
    if kind is AsyncVectorEnv:
        assert not any(process.is_alive() for process in env.processes)


def test_a_worker_that_raises_and_hangs_in_close_is_named_too(
    scripted: Any, echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sick(scripted):
        def step(self, action: Any) -> Any:
            raise OSError("the simulator is gone")

        def close(self) -> None:
            # Gymnasium makes and closes one in this process, to know the spaces.
            if multiprocessing.parent_process() is not None:
                time.sleep(30.0)

    monkeypatch.setattr(closing, "CLOSE_SECONDS", 0.2)
    env = second_is(scripted, Sick, AsyncVectorEnv)
    with pytest.raises(
        EnvError, match=r"Environment 1 \(AsyncVectorEnv\) failed in step\(\) at step 0 of this rollout"
    ):
        runner(env, echo).sample()
    close_quietly(env)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["raises", "reward", "obs"])
def test_nothing_is_learned_from_it_and_the_algorithm_can_be_stopped(
    scripted: Any, small_ppo: PPOConfig, kind: Any, fault: str
) -> None:
    class Sick(scripted):
        def step(self, action: Any) -> Any:
            if fault == "raises" and self.total == 40:
                raise OSError("the simulator is gone")
            return super().step(action)

    factories = [lambda: Sick(SCRIPT, poison=None if fault == "raises" else (40, fault))] * 4
    algorithm = small_ppo.environment(lambda env_config: kind(factories)).build()
    try:
        algorithm.train()
        learned = algorithm.get_module().get_state()
        with pytest.raises(RLModuleError, match=r"Environment \d \(\w+\) .* at step \d+ of this rollout"):
            algorithm.train()
        assert all(np.array_equal(learned[name], value) for name, value in algorithm.get_module().get_state().items())
        assert algorithm.iteration == 1
    finally:
        algorithm.stop()


def test_a_worker_that_dies_is_named_by_its_number_and_the_others_are_ended(
    scripted: Any, echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Gymnasium would wait for the answer of a worker that has given it.
    monkeypatch.setattr(closing, "CLOSE_SECONDS", 0.2)

    class Dying(scripted):
        def step(self, action: Any) -> Any:
            os._exit(3)

    env = second_is(scripted, Dying, AsyncVectorEnv)
    with pytest.raises(
        EnvError, match=r"Environment 1 \(AsyncVectorEnv\) failed in step\(\) at step 0 of this rollout"
    ):
        runner(env, echo).sample()
    close_quietly(env)
    deadline = time.monotonic() + 10.0
    while any(process.is_alive() for process in env.processes) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(process.is_alive() for process in env.processes)


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.name)
@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_reused_observation_arrays_corrupt_nothing(
    scripted: Any, echo: Any, kind: Any, copy: bool, mode: AutoresetMode, caplog: pytest.LogCaptureFixture
) -> None:
    shared = np.zeros(1, np.float32)

    class Reusing(scripted):
        def __init__(self, script: Any) -> None:
            super().__init__(script, reuse=True)
            self.buffer = shared

    def rollout(env_class: type[Any]) -> Any:
        factories = [lambda: env_class(SCRIPT)] * 2
        env = make_vector_env(lambda env_config: kind(factories, copy=copy, autoreset_mode=mode), None, 2)
        sampled = runner(env, echo).sample()
        close_quietly(env)
        return sampled

    fresh, reused = rollout(scripted), rollout(Reusing)
    assert np.array_equal(fresh.obs, reused.obs)
    if kind is AsyncVectorEnv and mode is AutoresetMode.SAME_STEP:
        # Lost in the worker before it is sent: Gymnasium keeps a reference over the reset. We can but say so.
        assert caplog.text.count("ended an episode with the very observation array([20.]") == 1
        assert "Environment 0 (AsyncVectorEnv)" in caplog.text
    else:
        assert np.array_equal(fresh.last_obs, reused.last_obs)
        assert caplog.text == ""


def test_attributes_of_the_single_ones_are_still_reached(scripted: Any) -> None:
    env: Any = make_vector_env(lambda env_config: SyncVectorEnv([lambda: scripted(SCRIPT)] * 2), None, 2)
    assert env.get_attr("script") == (SCRIPT, SCRIPT)
    env.set_attr("total", 7)
    assert [single.unwrapped.total for single in env.envs] == [7, 7]


@pytest.mark.parametrize("side_by_side", [True, False])
def test_observations_that_are_no_arrays_are_refused_when_they_are_made(scripted: Any, side_by_side: bool) -> None:
    class Speaking(scripted):
        observation_space = gym.spaces.Dict({"a": gym.spaces.Text(2)})

    made: list[Any] = []

    def make(env_config: Any) -> Any:
        made.append(Speaking(SCRIPT))
        return made[-1] if side_by_side else SyncVectorEnv([lambda: made[-1]] * 2)

    with pytest.raises(UnsupportedSpaceError, match=r"at obs\.a.*TransformObservation"):
        make_vector_env(make, None, 2)
    assert all(single.closed for single in made)
