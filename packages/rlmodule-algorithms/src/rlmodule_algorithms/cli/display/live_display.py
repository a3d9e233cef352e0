"""Progress as a small table that redraws itself on a terminal."""

from __future__ import annotations

from typing import Self

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rlmodule_algorithms.cli.display.progress import Progress
from rlmodule_algorithms.cli.formatting import duration, mean_number, measure, plain_number, sparkline

_LABEL_WIDTH = 9
_TEXT_WIDTH = 42
_WIDEST_BAR = 48
_NARROWEST_BAR = 8


class LiveDisplay:
    """Redraws four times a second, so that the time goes on during a long iteration."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._live = Live(ProgressTable(progress), console=console, refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def update(self) -> None:
        """The table reads the progress whenever it is drawn."""


class ProgressTable:
    """Draws the present state of a `Progress` in the width that there is."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(_WIDEST_BAR, options.max_width - _LABEL_WIDTH - _TEXT_WIDTH - 4)
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="dim", min_width=_LABEL_WIDTH, justify="right", no_wrap=True)
        if width >= _NARROWEST_BAR:
            table.add_column(width=width, no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        curve = "" if options.ascii_only else sparkline(self._progress.returns, width)
        for label, bar, text in (
            ("return", Text(curve, style="green"), self._return()),
            ("steps", self._bar(self._progress.env_steps, self._progress.limits.max_env_steps), self._steps()),
            ("time", self._bar(self._progress.elapsed, self._progress.limits.max_seconds), self._time()),
            ("policy", Text(), self._policy()),
        ):
            table.add_row(label, *([bar] if width >= _NARROWEST_BAR else []), text)
        yield table

    def _bar(self, done: float, total: float | None) -> RenderableType:
        if total is None:
            return Text()
        return ProgressBar(total, min(done, total), complete_style="cyan", finished_style="cyan", style="bright_black")

    def _return(self) -> Text:
        progress, target = self._progress, self._progress.limits.bar
        text = Text.assemble((mean_number(progress.mean_return), "bold"))
        met = target is not None and progress.greedy_return is not None and progress.greedy_return >= target
        text.append(f"  greedy {mean_number(progress.greedy_return)}", style="green" if met else "")
        return text if target is None else text.append(f" of {plain_number(target)}", style="dim")

    def _steps(self) -> Text:
        progress, limit = self._progress, self._progress.limits.max_env_steps
        text = Text(f"{progress.env_steps:,}" + ("" if limit is None else f" of {limit:,}"))
        return text.append(f"  {measure(progress.steps_per_second, ',.0f')} steps/s", style="dim")

    def _time(self) -> Text:
        progress, limit = self._progress, self._progress.limits.max_seconds
        text = Text(duration(progress.elapsed) + ("" if limit is None else f" of {duration(limit)}"))
        if progress.stopping:
            return text.append("  stopping; Ctrl-C again: at once", style="yellow")
        left = progress.seconds_left
        return text if left is None else text.append(f"  at most {duration(left)} left", style="dim")

    def _policy(self) -> Text:
        text = Text(f"entropy {measure(self._progress.entropy, '.3f')}", style="dim")
        return text if self._progress.kl is None else text.append(f"  KL {self._progress.kl:.4f}")
