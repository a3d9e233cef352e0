from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_algorithms import Algorithm, AlgorithmConfig, PPOConfig
from rlmodule_core import RLModuleConfig, default_backend_name, get_backend, plugins
from rlmodule_core.numpy_backend import NumpyRLModule

Script = Sequence[tuple[int, str]]
"""Episodes in turn: how many steps, and whether they end "terminated" or "truncated"."""


class Scripted(gym.Env[Any, Any]):
    """Observes 10 * episode + step and rewards every step with its number within the episode.

    Args:
        script: the episodes, over and over.
        reuse: write every observation into one array, as some environments do.
        poison: the total step at which "obs" or "reward" is not a number.
    """

    observation_space = gym.spaces.Box(-np.inf, np.inf, (1,))
    action_space: gym.Space[Any] = gym.spaces.Discrete(2)

    def __init__(self, script: Script, *, reuse: bool = False, poison: tuple[int, str] | None = None) -> None:
        self.script, self.reuse, self.poison = script, reuse, poison
        self.episode, self.step_, self.total = -1, 0, 0
        self.buffer = np.zeros(1, np.float32)
        self.actions: list[Any] = []
        self.closed = False

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.episode, self.step_ = self.episode + 1, 0
        return self._observed(10.0 * self.episode), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.actions.append(action)
        self.step_ += 1
        self.total += 1
        length, end = self.script[self.episode % len(self.script)]
        over = self.step_ == length
        sick = self.poison[1] if self.poison is not None and self.poison[0] == self.total else ""
        obs = self._observed(np.nan if sick == "obs" else 10.0 * self.episode + self.step_)
        reward = np.nan if sick == "reward" else float(self.step_)
        return obs, reward, over and end == "terminated", over and end == "truncated", {}

    def close(self) -> None:
        self.closed = True

    def _observed(self, value: float) -> Any:
        if self.reuse:
            self.buffer[0] = value
            return self.buffer
        return np.array([value], np.float32)


class Bandit(gym.Env[Any, Any]):
    """One step: rewards the action whose number is the sign of the observation."""

    observation_space = gym.spaces.Box(-1.0, 1.0, (1,))
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.sign = int(self.np_random.integers(2))
        return np.array([2.0 * self.sign - 1.0], np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return np.zeros(1, np.float32), float(action == self.sign), True, False, {}


class EchoModule(NumpyRLModule):
    """Acts by a fixed action and values a state at its observation."""

    action: Any = 0

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"vf_preds": batch["obs"][:, 0]}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"actions": np.array([self.action] * len(batch["obs"]))}

    _forward_inference = _forward_exploration


@pytest.fixture(scope="session")
def scripted() -> type[Scripted]:
    return Scripted


@pytest.fixture(scope="session")
def bandit() -> type[Bandit]:
    return Bandit


@pytest.fixture(scope="session")
def echo() -> Callable[..., EchoModule]:
    """Makes an EchoModule for the spaces of a vector environment."""

    def make(env: gym.vector.VectorEnv[Any, Any, Any], action: Any = 0) -> EchoModule:
        module = EchoModule(RLModuleConfig(env.single_observation_space, env.single_action_space))
        module.action = action
        return module

    return make


@pytest.fixture
def framework() -> str:
    """Where those train that do not ask for each framework."""
    return default_backend_name()


@pytest.fixture
def uninstall(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Hides a backend, as where its package is not installed."""

    def hide(backend: str) -> None:
        names, hidden = plugins.names, (plugins.BACKENDS, backend)
        monkeypatch.setattr(plugins, "names", lambda group: [name for name in names(group) if (group, name) != hidden])
        get_backend.cache_clear()

    return hide


@pytest.fixture
def small_ppo(framework: str) -> PPOConfig:
    """PPO on CartPole in a twentieth of a second per iteration."""
    return (
        PPOConfig()
        .framework(framework)
        .environment("CartPole-v1")
        .env_runners(num_envs_per_env_runner=4)
        .training(train_batch_size=128, minibatch_size=32, num_epochs=2, model={"fcnet_hiddens": [8]})
        .evaluation(evaluation_duration=3)
        .debugging(seed=0)
    )


@pytest.fixture
def build() -> Iterator[Callable[[AlgorithmConfig], Algorithm]]:
    """Builds algorithms and stops them after the test."""
    built: list[Algorithm] = []

    def make(config: AlgorithmConfig) -> Algorithm:
        built.append(config.build())
        return built[-1]

    yield make
    for algorithm in built:
        algorithm.stop()
