"""When a run ends."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Training ends at a mean greedy return, or when a budget is spent.

    Attributes:
        target: the mean return that fresh episodes must reach at the end.
        stop_at: the mean return of greedy episodes that ends training; None for the target itself.
    """

    target: float | None = None
    max_env_steps: int | None = None
    max_seconds: float | None = None
    stop_at: float | None = None

    @property
    def bar(self) -> float | None:
        """The mean return of greedy episodes that ends training."""
        return self.target if self.stop_at is None else self.stop_at
