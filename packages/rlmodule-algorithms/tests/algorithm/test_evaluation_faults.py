"""Evaluation in environments that misbehave."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_algorithms import evaluate_policy
from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling import closing
from rlmodule_core import ConfigError, NotANumberError, Policy, RLModuleConfig, UnsupportedSpaceError
from rlmodule_core.numpy_backend import NumpyRLModule

SCRIPT = [(3, "terminated")]


class Constant(NumpyRLModule):
    """Acts by one action whatever it sees, and notes what it saw."""

    def setup(self) -> None:
        self.seen: list[Any] = []

    def _forward_inference(self, batch: Any) -> Any:
        self.seen.append(np.array(batch["obs"]))
        return {"actions": np.zeros(len(batch["obs"]), np.int64)}

    _forward_exploration = _forward_train = _forward_inference


def policy_for(space: gym.Space[Any]) -> Policy:
    return Policy(Constant(RLModuleConfig(space, gym.spaces.Discrete(2))), seed=0)


@pytest.fixture
def policy(scripted: Any) -> Policy:
    return policy_for(scripted.observation_space)


@pytest.mark.parametrize(
    ("result", "found"),
    [
        ((np.array([None]), 0.0, False, False, {}), "expected an observation of dtype float32, got"),
        ((np.array(["x"]), 0.0, False, False, {}), "expected an observation of dtype float32, got"),
        ((np.array([1j]), 0.0, False, False, {}), "expected an observation of dtype float32, got"),
        ((object(), 0.0, False, False, {}), "expected an observation of shape (1,), got object of shape ()"),
        ((np.zeros(1), "1.0", False, False, {}), "expected a reward that is one real number, got '1.0'"),
        ((np.zeros(1), np.zeros(2), False, False, {}), "expected a reward that is one real number, got array"),
        ((np.zeros(1), 0.0, None, False, {}), "expected terminated to be True or False, got None"),
        ((np.zeros(1), 0.0, False, "no", {}), "expected truncated to be True or False, got 'no'"),
    ],
)
def test_what_step_must_not_return_is_named_by_environment_episode_and_step(
    scripted: Any, policy: Policy, result: Any, found: str
) -> None:
    class Sick(scripted):
        def step(self, action: Any) -> Any:
            return result if self.episode == 0 and self.step_ == 1 else super().step(action)

    with pytest.raises(EnvError) as error:
        evaluate_policy(policy, lambda: Sick(SCRIPT), episodes=2, seed=0)
    assert "The environment Sick failed in step() at step 1 of episode 0 of the evaluation: " in str(error.value)
    assert found in str(error.value)


@pytest.mark.parametrize("result", [(np.array([None]), {}), (["x"], {}), (object(), {}), (np.zeros(1), {}, 3)])
def test_what_reset_must_not_return_is_named_by_environment_and_episode(
    scripted: Any, policy: Policy, result: Any
) -> None:
    class Sick(scripted):
        def reset(self, *, seed: Any = None, options: Any = None) -> Any:
            return result if seed == 12 else super().reset(seed=seed)

    with pytest.raises(EnvError, match=r"Sick failed in reset\(\) before episode 2 of the evaluation: "):
        evaluate_policy(policy, lambda: Sick(SCRIPT), episodes=4, seed=10)


@pytest.mark.parametrize(("poison", "what"), [("obs", "an observation"), ("reward", "a reward")])
def test_what_is_not_finite_is_named_by_environment_episode_and_step(
    scripted: Any, policy: Policy, poison: str, what: str
) -> None:
    made: list[Any] = []

    def make() -> Any:
        made.append(scripted(SCRIPT, poison=(2, poison) if len(made) == 1 else None))
        return made[-1]

    expected = f"Scripted gave {what} that is not finite at step 1 of episode 1 of the evaluation: "
    with pytest.raises(NotANumberError, match=expected):
        evaluate_policy(policy, make, episodes=3, seed=0)
    assert [env.closed for env in made] == [True] * 3


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_observation_of_reset_that_is_not_finite_is_named_too(scripted: Any, policy: Policy, value: float) -> None:
    class Sick(scripted):
        def reset(self, **settings: Any) -> Any:
            return np.array([value]), {}

    with pytest.raises(NotANumberError, match="Sick gave an observation that is not finite before episode 0 of the"):
        evaluate_policy(policy, lambda: Sick(SCRIPT), episodes=1, seed=0)


def test_a_number_that_is_not_in_its_space_is_named(scripted: Any) -> None:
    class Sick(scripted):
        def _observed(self, value: float) -> Any:
            return 7 if self.step_ == 2 else 0

    with pytest.raises(EnvError, match=r"Sick gave an observation that is not in Discrete\(5\) at step 1 of episode 0"):
        evaluate_policy(policy_for(gym.spaces.Discrete(5)), lambda: Sick(SCRIPT), episodes=1, seed=0)


def test_what_is_near_enough_is_converted(scripted: Any, policy: Policy) -> None:
    class Careless(scripted):
        def step(self, action: Any) -> Any:
            obs, reward, terminated, truncated, _ = super().step(action)
            return obs.astype(np.float64), np.int64(reward), int(terminated), np.bool_(truncated), {}

        def reset(self, **settings: Any) -> Any:
            obs, info = super().reset(**settings)
            return obs.tolist(), info

    found, expected = (
        evaluate_policy(policy, lambda env=env: env(SCRIPT), episodes=3, seed=0) for env in (Careless, scripted)
    )
    assert found == expected
    assert found["episode_returns"] == [6.0, 6.0, 6.0]


def test_environments_that_share_one_observation_array_do_not_disturb_each_other(scripted: Any, policy: Policy) -> None:
    class Sharing(scripted):
        shared = np.zeros(1, np.float32)

        def __init__(self, script: Any) -> None:
            super().__init__(script, reuse=True)
            self.buffer = self.shared

    made: list[Any] = []

    def make() -> Any:
        made.append(Sharing([(2 + len(made), "terminated")]))
        made[-1].episode += 7 * (len(made) - 1)
        return made[-1]

    evaluate_policy(policy, make, episodes=2, seed=0)
    module: Any = policy.module
    # The first is over after two steps; what it saw before the last stands in its row.
    assert [obs[:, 0].tolist() for obs in module.seen] == [[0, 70], [1, 71], [1, 72]]


def test_one_environment_cannot_play_two_episodes_at_once(scripted: Any, policy: Policy) -> None:
    only = scripted(SCRIPT)
    assert evaluate_policy(policy, lambda: only, episodes=1, seed=0)["episode_lengths"] == [3]
    with pytest.raises(ConfigError, match="make_env gave an environment that it gave before"):
        evaluate_policy(policy, lambda: only, episodes=2, seed=0)


def test_environments_that_hang_in_close_are_left_behind_and_the_result_is_given(
    scripted: Any, policy: Policy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    over = threading.Event()

    class Hanging(scripted):
        def close(self) -> None:
            over.wait(30.0)

    monkeypatch.setattr(closing, "CLOSE_SECONDS", 0.1)
    started = time.monotonic()
    with caplog.at_level(logging.WARNING):
        found = evaluate_policy(policy, lambda: Hanging(SCRIPT), episodes=8, seed=0)
    over.set()
    assert time.monotonic() - started < 5.0
    assert found["episode_lengths"] == [3] * 8
    assert caplog.text.count("The environment Hanging did not close within 0.1 seconds") == 8


def test_observations_that_are_no_arrays_are_refused_with_the_way_out(scripted: Any) -> None:
    space = gym.spaces.Dict({"a": gym.spaces.Text(2)})
    with pytest.raises(UnsupportedSpaceError, match="TransformObservation"):
        evaluate_policy(policy_for(space), lambda: scripted(SCRIPT), episodes=1, seed=0)
