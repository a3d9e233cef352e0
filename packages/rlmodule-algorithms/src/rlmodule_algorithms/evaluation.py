"""Greedy evaluation in environments of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_core import ConfigError, Policy

_SIDE_BY_SIDE = 8


def evaluate_policy(
    policy: Policy,
    make_env: Callable[[], gym.Env[Any, Any]],
    *,
    episodes: int,
    seed: int,
    explore: bool = False,
) -> dict[str, Any]:
    """Play whole episodes; episode i starts from `reset(seed=seed + i)`, however many run side by side.

    Returns:
        `episode_return_mean`, `episode_returns` and `episode_lengths`, in the order of the seeds.

    Raises:
        ConfigError: `episodes` is less than 1.
    """
    if episodes < 1:
        raise ConfigError(f"Evaluation needs at least 1 episode, got {episodes}.")
    returns, lengths = [0.0] * episodes, [0] * episodes
    envs = [make_env() for _ in range(min(_SIDE_BY_SIDE, episodes))]
    try:
        waiting = iter(range(len(envs), episodes))
        playing = {slot: slot for slot in range(len(envs))}
        obs = {slot: envs[slot].reset(seed=seed + slot)[0] for slot in playing}
        while playing:
            slots = list(playing)
            actions = policy.compute_actions(np.stack([obs[slot] for slot in slots]), explore=explore)[0]
            for slot, action in zip(slots, actions, strict=True):
                episode = playing[slot]
                obs[slot], reward, terminated, truncated, _ = envs[slot].step(action)
                returns[episode] += float(reward)
                lengths[episode] += 1
                if terminated or truncated:
                    del playing[slot]
                    following = next(waiting, None)
                    if following is not None:
                        playing[slot] = following
                        obs[slot] = envs[slot].reset(seed=seed + following)[0]
    finally:
        for env in envs:
            env.close()
    return {
        "episode_return_mean": float(np.mean(returns)),
        "episode_returns": returns,
        "episode_lengths": lengths,
    }
