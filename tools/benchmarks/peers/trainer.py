"""What a benchmark asks of a library that trains, and how fast it is."""

from __future__ import annotations

from typing import Protocol

from measuring import Clock, Measure


class Trainer(Protocol):
    """Trains one iteration at a time."""

    def iterate(self) -> int:
        """Sample one batch and learn from it; the environment steps that were sampled."""

    def recent_return(self) -> float | None:
        """The mean return of the last 100 training episodes; None before there are 100."""

    def close(self) -> None:
        """Release the environments."""


def steps_per_second(trainer: Trainer, *, iterations: int, clock: Clock) -> Measure:
    """A measure of training over a block of iterations."""

    def measure() -> float:
        started = clock()
        steps = sum(trainer.iterate() for _ in range(iterations))
        return steps / (clock() - started)

    return measure


def warm_up(trainer: Trainer, *, iterations: int) -> None:
    """Train that many iterations, at least one."""
    for _ in range(max(1, iterations)):
        trainer.iterate()
