"""Presets for the tasks of this package."""

from __future__ import annotations

from rlmodule_algorithms.presets.ppo_preset import ppo_preset
from rlmodule_algorithms.presets.preset import Preset


def _echo(name: str, task: str, description: str, *, stop_at: float) -> Preset:
    # What is answered changes nothing of what is asked next: only the reward of its own step tells of an action.
    return ppo_preset(
        name,
        f"rlmodule/{task}-v0",
        description=description,
        target=9.0,
        stop_at=stop_at,
        max_env_steps=100_000,
        num_envs=16,
        training={"gamma": 0.0, "train_batch_size": 2048, "num_epochs": 6},
        evaluation_duration=30,
    )


TASKS = (
    ppo_preset(
        "ppo-find-the-spot",
        "rlmodule/FindTheSpot-v0",
        description="PPO walks to the spot that an image shows",
        target=9.5,
        stop_at=10.0,
        max_env_steps=100_000,
        num_envs=16,
        training={"gamma": 0.95, "train_batch_size": 2048, "num_epochs": 6, "entropy_coeff": 0.01},
        model={"conv_filters": [[8, 3, 1]], "fcnet_activation": "relu"},
        evaluation_duration=100,
        final_episodes=100,
    ),
    ppo_preset(
        "ppo-high-or-low",
        "rlmodule/HighOrLow-v0",
        description="PPO takes legal actions out of many",
        target=19.0,
        stop_at=19.6,
        max_env_steps=30_000,
        num_envs=16,
        training={"gamma": 0.5, "train_batch_size": 2048, "num_epochs": 6},
        evaluation_duration=30,
    ),
    _echo("ppo-echo-multi-discrete", "EchoMultiDiscrete", "PPO answers in three choices", stop_at=9.9),
    _echo("ppo-echo-tuple", "EchoTuple", "PPO answers in a choice and a number", stop_at=9.3),
    _echo("ppo-echo-dict", "EchoDict", "PPO answers in a choice, switches and a number", stop_at=9.3),
    ppo_preset(
        "ppo-harvest",
        "rlmodule/Harvest-v0",
        description="PPO catches fruits and avoids bombs on a grid of pixels",
        target=17.0,
        stop_at=18.5,
        max_env_steps=150_000,
        num_envs=16,
        training={"gamma": 0.95, "train_batch_size": 2048, "num_epochs": 4},
        evaluation_duration=30,
    ),
)
