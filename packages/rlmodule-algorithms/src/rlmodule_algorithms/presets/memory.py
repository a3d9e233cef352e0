"""Presets for tasks in which one must remember."""

from __future__ import annotations

from typing import Any

from rlmodule_algorithms.presets.ppo_preset import ppo_preset
from rlmodule_algorithms.presets.preset import Preset

_LSTM = {"use_lstm": True, "lstm_cell_size": 64}
_ATTENTION = {
    "use_attention": True,
    "attention_dim": 32,
    "attention_num_heads": 2,
    "attention_head_dim": 16,
    "attention_memory_inference": 8,
}


def _cart_pole(name: str, what: str, memory: dict[str, Any]) -> Preset:
    return ppo_preset(
        name,
        "rlmodule/CartPoleWithoutVelocities-v0",
        description=f"PPO balances CartPole without seeing velocities, by {what}",
        target=400.0,
        stop_at=495.0,
        max_env_steps=300_000,
        num_envs=8,
        training={"gamma": 0.98, "train_batch_size": 1024, "num_epochs": 4, "vf_loss_coeff": 0.5},
        model={"fcnet_hiddens": [64], "max_seq_len": 40, **memory},
        # Else the norm of the critic's gradient would clip the actor's.
        normalize_rewards=True,
        evaluation_duration=30,
    )


MEMORY = (
    _cart_pole("ppo-lstm-cartpole", "LSTM", _LSTM),
    _cart_pole("ppo-gru-cartpole", "GRU", {"use_gru": True, "lstm_cell_size": 64}),
    _cart_pole("ppo-attention-cartpole", "attention", _ATTENTION),
    ppo_preset(
        "ppo-lstm-recall",
        "rlmodule/Recall-v0",
        description="PPO keeps a cue in mind for 20 steps, by LSTM",
        target=0.95,
        stop_at=1.0,
        max_env_steps=200_000,
        num_envs=16,
        training={"gamma": 0.95, "train_batch_size": 1280, "num_epochs": 4},
        model={"fcnet_hiddens": [32], "max_seq_len": 20, **_LSTM},
        evaluation_duration=50,
        final_episodes=100,
    ),
    ppo_preset(
        "ppo-lstm-orbit",
        "rlmodule/Orbit-v0",
        description="PPO says how something moves in a choice and a number, by LSTM",
        target=17.0,
        stop_at=18.0,
        max_env_steps=200_000,
        num_envs=16,
        # What is answered changes nothing of what is seen next.
        training={"gamma": 0.0, "train_batch_size": 1344, "num_epochs": 6},
        model={"fcnet_hiddens": [32], "max_seq_len": 21, **_LSTM},
        evaluation_duration=30,
        final_episodes=50,
    ),
)
