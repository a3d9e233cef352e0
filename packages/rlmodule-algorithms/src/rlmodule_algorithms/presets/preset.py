"""A configuration with its goal and budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rlmodule_algorithms.ppo.config import PPOConfig


@dataclass(frozen=True)
class Preset:
    """A configuration with its goal and budget.

    Attributes:
        target: the mean return that fresh greedy episodes must reach.
        stop_at: the greedy mean return at which training stops. It lies above the target, because the evaluation
            that ends the training flatters the policy that it picks.
        final_episodes: episodes of the evaluation that sums the run up.
    """

    name: str
    description: str
    algorithm: str
    env: str
    make_config: Callable[[], PPOConfig]
    target: float
    stop_at: float
    max_env_steps: int | None
    max_seconds: float | None
    final_episodes: int = 20
