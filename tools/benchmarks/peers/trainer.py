"""What a benchmark asks of a library that trains."""

from __future__ import annotations

from typing import Protocol


class Trainer(Protocol):
    """Trains by the standard setting, one iteration at a time."""

    def iterate(self) -> int:
        """Sample one batch and learn from it; the environment steps that were sampled."""

    def recent_return(self) -> float | None:
        """The mean return of the last 100 training episodes; None before there are 100."""

    def close(self) -> None:
        """Release the environments."""
