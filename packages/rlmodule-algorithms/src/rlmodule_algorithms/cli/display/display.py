"""Which display shows the progress: live on a terminal, lines in a log, or none."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console

from rlmodule_algorithms.cli.display.live_display import LiveDisplay
from rlmodule_algorithms.cli.display.plain_display import PlainDisplay
from rlmodule_algorithms.cli.display.progress import Progress


class Display(Protocol):
    """Shows a `Progress` between enter and exit."""

    def __enter__(self) -> Self:
        """Start to show it."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Show it a last time."""

    def update(self) -> None:
        """An iteration has ended."""


class NoDisplay:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def update(self) -> None:
        return


def display_for(console: Console, progress: Progress, *, quiet: bool) -> Display:
    """The display that suits the console."""
    if quiet:
        return NoDisplay()
    return LiveDisplay(console, progress) if console.is_interactive else PlainDisplay(console, progress)
