"""Presets for Gymnasium's classic control."""

from __future__ import annotations

from rlmodule_algorithms.presets.ppo_preset import ppo_preset

CLASSIC_CONTROL = (
    ppo_preset(
        "ppo-cartpole",
        "CartPole-v1",
        description="PPO balances CartPole-v1",
        target=475.0,
        stop_at=499.0,
        max_env_steps=500_000,
        num_envs=8,
        training={"train_batch_size": 2048, "num_epochs": 6},
        evaluation_duration=30,
    ),
    # Many environments: a random policy rarely swings up, and at first no other return is seen.
    ppo_preset(
        "ppo-acrobot",
        "Acrobot-v1",
        description="PPO swings up Acrobot-v1",
        target=-100.0,
        stop_at=-85.0,
        max_env_steps=400_000,
        num_envs=16,
        training={"train_batch_size": 4096, "num_epochs": 10},
    ),
    ppo_preset(
        "ppo-pendulum",
        "Pendulum-v1",
        description="PPO swings up Pendulum-v1",
        target=-250.0,
        stop_at=-190.0,
        max_env_steps=200_000,
        num_envs=4,
        training={"gamma": 0.9, "train_batch_size": 4096, "num_epochs": 10},
        model={"free_log_std": True},
    ),
)
