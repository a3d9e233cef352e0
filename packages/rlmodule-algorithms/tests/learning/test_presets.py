from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from rlmodule_algorithms import evaluate_policy
from rlmodule_algorithms.presets import PRESETS, Preset
from rlmodule_core import Policy

pytestmark = pytest.mark.learning

FRESH = 1_000_000
"""First seed of the final episodes, which no evaluation in training has seen."""


def trained(preset: Preset, seed: int, directory: Path) -> tuple[float, float]:
    """The mean return of the best policy in fresh greedy episodes, and the processor seconds of its training."""
    algorithm = preset.make_config().debugging(seed=seed).build()
    started = time.process_time()
    try:
        algorithm.train_until(
            episode_return_mean=preset.stop_at, max_env_steps=preset.max_env_steps, checkpoint_dir=directory
        )
    finally:
        algorithm.stop()
    seconds = time.process_time() - started
    # Served by numpy, as a user would serve it.
    policy = Policy.from_checkpoint(directory, framework="numpy")
    found: Any = evaluate_policy(policy, lambda: gym.make(preset.env), episodes=20, seed=FRESH)
    return found["episode_return_mean"], seconds


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("name", "limit"), [("ppo-cartpole", 90.0), ("ppo-acrobot", 60.0), ("ppo-pendulum", 180.0)])
def test_a_preset_reaches_its_target_in_its_processor_seconds(
    name: str, limit: float, seed: int, tmp_path: Path
) -> None:
    mean, seconds = trained(PRESETS[name], seed, tmp_path)
    print(f"{name}, seed {seed}: {mean:.1f} after {seconds:.1f} CPU seconds")
    assert mean >= PRESETS[name].target
    assert seconds <= limit


def test_the_targets_are_those_that_were_promised() -> None:
    assert {preset.env: preset.target for preset in PRESETS.values()} == {
        "CartPole-v1": 475.0,
        "Acrobot-v1": -100.0,
        "Pendulum-v1": -250.0,
    }
