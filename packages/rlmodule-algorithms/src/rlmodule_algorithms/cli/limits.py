"""When a run ends."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Training ends at the mean greedy return, or when a budget is spent."""

    target: float | None = None
    max_env_steps: int | None = None
    max_seconds: float | None = None
