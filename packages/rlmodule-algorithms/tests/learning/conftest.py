from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from rlmodule_algorithms import PRESETS, Preset, evaluate_policy
from rlmodule_core import Policy

FRESH = 1_000_000
"""First seed of the final episodes, which no evaluation in training has seen."""

NEEDED = {"ppo-hopper": "mujoco"}
"""What must be installed for a preset."""

Env = gym.Env[Any, Any]
Wrapper = Callable[[Env], Env]


@dataclass(frozen=True)
class Trained:
    """What a training has led to.

    Attributes:
        mean: of the returns of the best policy in fresh greedy episodes, served by numpy as a user would serve it.
        cpu_seconds: of the training.
        directory: where the best is saved.
    """

    mean: float
    cpu_seconds: float
    env_steps: int
    directory: Path


def _train(
    preset: Preset, seed: int, directory: Path, wrap: Wrapper | None, *, without_memory: bool = False
) -> Trained:
    if preset.name in NEEDED:
        pytest.importorskip(NEEDED[preset.name], reason=f"pip install rlmodule-algorithms[{NEEDED[preset.name]}]")
    config = preset.make_config().debugging(seed=seed)
    if without_memory:
        of_memory = ("use_", "lstm_", "attention_")
        config.training(model={key: value for key, value in config.model.items() if not key.startswith(of_memory)})

    def make_env(env_config: Mapping[str, Any] | None = None) -> Env:
        env: Env = gym.make(preset.env)
        return env if wrap is None else wrap(env)

    if wrap is not None:
        config.environment(make_env)
    algorithm = config.build()
    started = time.process_time()
    try:
        algorithm.train_until(
            episode_return_mean=preset.stop_at, max_env_steps=preset.max_env_steps, checkpoint_dir=directory
        )
    finally:
        algorithm.stop()
    seconds = time.process_time() - started
    policy = Policy.from_checkpoint(directory, framework="numpy")
    found: Any = evaluate_policy(policy, make_env, episodes=preset.final_episodes, seed=FRESH)
    return Trained(found["episode_return_mean"], seconds, algorithm.env_steps, directory)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int], Trained]:
    """Trains by a preset and a seed; once in a session, whoever asks."""
    known: dict[tuple[str, int], Trained] = {}

    def train(name: str, seed: int) -> Trained:
        if (name, seed) not in known:
            known[name, seed] = _train(PRESETS[name], seed, tmp_path_factory.mktemp(name), None)
        return known[name, seed]

    return train


@pytest.fixture
def trained_in(tmp_path: Path) -> Callable[[str, Wrapper], Trained]:
    """Trains by a preset with its whole budget, in an environment that a wrapper has changed."""
    return lambda name, wrap: _train(PRESETS[name], 0, tmp_path, wrap)


@pytest.fixture
def trained_without_memory(tmp_path: Path) -> Callable[[str, int], Trained]:
    """Trains by a preset and a seed with its whole budget, but the encoder's memory."""
    return lambda name, seed: _train(PRESETS[name], seed, tmp_path, None, without_memory=True)
