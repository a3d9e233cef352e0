"""Progress as lines of ASCII text, for logs and pipes."""

from __future__ import annotations

from typing import Self

from rich.console import Console

from rlmodule_algorithms.cli.display.progress import Progress
from rlmodule_algorithms.cli.formatting import duration, mean_number, measure, plain_number

_SECONDS_BETWEEN_LINES = 2.0


class PlainDisplay:
    """Prints a line about every two seconds, and a last one at the end."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._printed_at = 0.0
        self._printed_iteration = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress.iterations > self._printed_iteration:
            self._print()

    def update(self) -> None:
        if self._progress.elapsed - self._printed_at >= _SECONDS_BETWEEN_LINES:
            self._print()

    def _print(self) -> None:
        self._printed_at = self._progress.elapsed
        self._printed_iteration = self._progress.iterations
        self._console.print(progress_line(self._progress), soft_wrap=True, markup=False)


def progress_line(progress: Progress) -> str:
    """The whole state in one line."""
    left = progress.seconds_left
    target = "" if progress.limits.bar is None else f" of {plain_number(progress.limits.bar)}"
    fields = [
        f"{duration(progress.elapsed):>7}",
        f"{progress.env_steps:>9,} steps",
        f"{measure(progress.steps_per_second, ',.0f'):>7} steps/s",
        f"return {mean_number(progress.mean_return):>7}",
        f"greedy {mean_number(progress.greedy_return):>7}{target}",
        f"entropy {measure(progress.entropy, '.3f')}",
    ]
    if progress.kl is not None:
        fields.append(f"KL {progress.kl:.4f}")
    if left is not None:
        fields.append(f"at most {duration(left)} left")
    return "   ".join(fields)
