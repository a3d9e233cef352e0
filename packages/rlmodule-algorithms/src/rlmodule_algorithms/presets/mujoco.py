"""Presets for MuJoCo's bodies; they need `pip install rlmodule-algorithms[mujoco]`."""

from __future__ import annotations

from rlmodule_algorithms.presets.ppo_preset import ppo_preset

MUJOCO = (
    # Speeds and angles have units of their own, and returns are in the thousands.
    ppo_preset(
        "ppo-hopper",
        "Hopper-v5",
        description="PPO hops with Hopper-v5 (needs MuJoCo)",
        target=1000.0,
        stop_at=1500.0,
        max_env_steps=300_000,
        num_envs=8,
        training={"lr": 3e-4, "train_batch_size": 2048, "minibatch_size": 64, "num_epochs": 10},
        model={"free_log_std": True, "normalize_observations": True},
        normalize_rewards=True,
        evaluation_duration=20,
    ),
)
