"""What the displays are told, and what they show."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rlmodule_algorithms.cli.display.display import NoDisplay, display_for
from rlmodule_algorithms.cli.display.live_display import LiveDisplay, ProgressTable
from rlmodule_algorithms.cli.display.plain_display import PlainDisplay, progress_line
from rlmodule_algorithms.cli.display.progress import Progress
from rlmodule_algorithms.cli.formatting import duration, mean_number, plain_number, sparkline
from rlmodule_algorithms.cli.limits import Limits


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def result(steps: int, mean: float = math.nan, greedy: float | None = None, **metrics: float) -> dict[str, Any]:
    runners = {"episode_return_mean": mean, "num_env_steps_sampled_lifetime": steps}
    evaluation = {} if greedy is None else {"evaluation": {"episode_return_mean": greedy}}
    return {"env_runners": runners, "learners": {"default_policy": metrics}, **evaluation}


def advanced(progress: Progress, clock: Clock, *, iterations: int, steps: int = 1000, seconds: float = 0.5) -> Progress:
    for _ in range(iterations):
        clock.now += seconds
        progress.update(result(progress.env_steps + steps, 20.0, entropy=0.5))
    return progress


def test_the_speed_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    progress = advanced(Progress(Limits(), clock=clock), clock, iterations=50, steps=10)
    advanced(progress, clock, iterations=50, steps=1000)
    assert progress.steps_per_second == pytest.approx(2000)


def test_a_run_that_goes_on_counts_the_steps_of_this_start_for_its_speed() -> None:
    clock = Clock()
    progress = Progress(Limits(max_env_steps=10_000), env_steps=5_000, clock=clock)
    assert progress.env_steps == 5_000
    advanced(progress, clock, iterations=1, steps=1_000, seconds=0.5)
    assert (progress.env_steps, progress.steps_per_second) == (6_000, pytest.approx(2_000))
    assert progress.seconds_left == pytest.approx(2.0)


def test_time_left_follows_the_nearer_budget() -> None:
    clock = Clock()
    steps_are_nearer = Progress(Limits(None, 10_000, 90.0), clock=clock)
    advanced(steps_are_nearer, clock, iterations=4)
    assert steps_are_nearer.seconds_left == pytest.approx(3.0)
    clock.now += 1.0
    assert steps_are_nearer.seconds_left == pytest.approx(2.0), "the bound runs down during an iteration"
    seconds_are_nearer = Progress(Limits(None, 10_000_000, 90.0), clock=clock)
    advanced(seconds_are_nearer, clock, iterations=4)
    assert seconds_are_nearer.seconds_left == pytest.approx(88.0)


def test_without_a_budget_or_before_the_first_iteration_no_time_is_promised() -> None:
    assert Progress(Limits(target=475.0)).seconds_left is None
    assert Progress(Limits(max_env_steps=1000)).seconds_left is None


def test_the_mean_return_is_unknown_until_an_episode_ends() -> None:
    progress = Progress(Limits())
    progress.update(result(8))
    assert progress.mean_return is None
    assert "return       -" in progress_line(progress)
    progress.update(result(16, 21.0))
    progress.update(result(24))
    assert progress.mean_return == 21.0


def test_the_best_return_is_the_best_greedy_one() -> None:
    progress = Progress(Limits())
    for mean, greedy in ((500.0, None), (30.0, 40.0), (30.0, 55.0), (30.0, 50.0)):
        progress.update(result(8, mean, greedy))
    assert (progress.greedy_return, progress.best_return) == (50.0, 55.0)


def test_a_plain_line_tells_everything_in_ascii() -> None:
    clock = Clock()
    progress = Progress(Limits(475.0, 200_000, 90.0), clock=clock)
    clock.now += 12.0
    progress.update(result(65_536, 212.41, 230.0, entropy=0.5612, mean_kl_loss=0.01123))
    line = progress_line(progress)
    assert line.isascii()
    fields = ("0:12", "65,536 steps", "5,461 steps/s", "return   212.4", "greedy   230.0 of 475", "entropy 0.561")
    for field in (*fields, "KL 0.0112", "at most 0:25 left"):
        assert field in line


def test_plain_lines_come_every_two_seconds_and_once_at_the_end() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = Progress(Limits(), clock=clock)
    with PlainDisplay(Console(file=stream, width=40), progress) as display:
        for _ in range(9):
            advanced(progress, clock, iterations=1, seconds=0.5)
            display.update()
    lines = stream.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == ["4,000", "8,000", "9,000"]


@pytest.mark.parametrize("width", [30, 50, 80, 120])
@pytest.mark.parametrize("limits", [Limits(), Limits(-99.5, 123_456_789, 36_000.0)])
def test_the_live_table_fits_the_terminal_in_four_rows(width: int, limits: Limits) -> None:
    clock = Clock()
    progress = advanced(Progress(limits, clock=clock), clock, iterations=200)
    console = Console(file=io.StringIO(), width=width, record=True, force_terminal=True)
    console.print(ProgressTable(progress))
    lines = console.export_text().splitlines()
    assert [line.split()[0] for line in lines] == ["return", "steps", "time", "policy"]
    assert max(map(len, lines)) <= width


def test_the_live_table_tells_return_target_speed_and_time_left() -> None:
    clock = Clock()
    progress = Progress(Limits(475.0, 200_000, 90.0), clock=clock)
    clock.now += 12.0
    progress.update(result(65_536, 212.41, 230.0, entropy=0.56, mean_kl_loss=0.0112))
    console = Console(file=io.StringIO(), width=80, record=True, force_terminal=True)
    console.print(ProgressTable(progress))
    text = console.export_text()
    for part in ("212.4  greedy 230.0 of 475", "65,536 of 200,000  5,461 steps/s", "0:12 of 1:30  at most 0:25 left"):
        assert part in text
    assert "entropy 0.560  KL 0.0112" in text


def test_the_console_decides_on_the_display() -> None:
    progress = Progress(Limits())
    terminal, pipe = Console(file=io.StringIO(), force_terminal=True), Console(file=io.StringIO())
    terminal.is_interactive = True
    assert isinstance(display_for(terminal, progress, quiet=False), LiveDisplay)
    assert isinstance(display_for(pipe, progress, quiet=False), PlainDisplay)
    assert isinstance(display_for(terminal, progress, quiet=True), NoDisplay)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (90, "1:30"), (7205, "2:00:05")])
def test_durations_read_like_a_clock(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "mean", "plain"),
    [
        (475.0, "475.0", "475"),
        (212.44, "212.4", "212.4"),
        (-99.5, "-99.5", "-99.5"),
        (1e6, "1,000,000.0", "1,000,000"),
        (10.0, "10.0", "10"),
        (9.568, "9.57", "9.57"),
        (1.0, "1.00", "1"),
        (0.95, "0.950", "0.95"),
        (-0.0004, "-0.000", "-0"),
        (0.0, "0.0", "0"),
    ],
)
def test_numbers_have_the_decimals_that_they_need(value: float, mean: str, plain: str) -> None:
    assert (mean_number(value), plain_number(value)) == (mean, plain)
    assert mean_number(None) == "-"


@given(st.lists(st.floats(-1e6, 1e6), max_size=80), st.integers(0, 40))
def test_a_sparkline_is_never_wider_than_asked_and_spans_its_range(values: list[float], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) == min(len(values), width)
    if 0 < len(values) <= width and max(values) > min(values):
        assert line[values.index(max(values))] == "█"
        assert line[values.index(min(values))] == "▁"
