"""The ids of the tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym


def register_tasks() -> tuple[str, ...]:
    """Register all tasks with Gymnasium, by entry points: a task is imported where it is made. Returns their ids."""
    echoes = {"EchoMultiDiscrete": "multi-discrete", "EchoTuple": "tuple", "EchoDict": "dict"}
    return (
        _registered("FindTheSpot", "find_the_spot:FindTheSpot", threshold=9.5, max_episode_steps=20),
        _registered("HighOrLow", "high_or_low:HighOrLow", threshold=19.0),
        *(_registered(name, "echo:Echo", threshold=9.0, settings={"actions": echoes[name]}) for name in echoes),
        _registered("Harvest", "harvest:Harvest", threshold=17.0),
        _registered(
            "CartPoleWithoutVelocities",
            "cart_pole:CartPoleWithoutVelocities",
            threshold=400.0,
            max_episode_steps=500,
        ),
        _registered("Recall", "recall:Recall", threshold=0.95),
        _registered("Orbit", "orbit:Orbit", threshold=17.0),
    )


def _registered(
    name: str,
    entry_point: str,
    *,
    threshold: float,
    max_episode_steps: int | None = None,
    settings: Mapping[str, Any] | None = None,
) -> str:
    env_id = f"rlmodule/{name}-v0"
    gym.register(
        env_id,
        f"rlmodule_algorithms.tasks.{entry_point}",
        reward_threshold=threshold,
        max_episode_steps=max_episode_steps,
        kwargs={} if settings is None else dict(settings),
    )
    return env_id
