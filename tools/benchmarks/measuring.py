"""Measure things in turn, in one run, and compare their medians: what all benchmarks share."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

Measure = Callable[[], float]
Clock = Callable[[], float]

CLOCKS: Mapping[str, Clock] = {"wall": time.perf_counter, "cpu": time.process_time}
_PACKAGES = (
    "rlmodule-core",
    "rlmodule-torch",
    "rlmodule-tf",
    "gymnasium",
    "numpy",
    "torch",
    "tensorflow",
    "keras",
    "stable-baselines3",
    "sb3-contrib",
    "skrl",
)


@dataclass(frozen=True)
class Spread:
    """The middle and the ends of some figures."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """Of at least one figure."""
        return cls(median(figures), min(figures), max(figures))


@dataclass(frozen=True)
class Comparison:
    """Figures of several contenders, measured in the same rounds.

    Attributes:
        title: what was measured.
        unit: of the figures.
        samples: one figure a round, by contender; round i of one belongs to round i of all.
        baseline: the contender that the ratios are to; None for a table without ratios.
        missing: contenders that are not installed.
    """

    title: str
    unit: str
    samples: Mapping[str, Sequence[float]]
    baseline: str | None = None
    missing: Sequence[str] = ()

    def ratio(self, name: str) -> Spread:
        """The figure over the baseline's of the same round."""
        if self.baseline is None:
            raise ValueError(f"The comparison {self.title!r} has no baseline to take ratios to.")
        return Spread.of([a / b for a, b in zip(self.samples[name], self.samples[self.baseline], strict=True)])

    def lines(self) -> list[str]:
        """The table, in Markdown."""
        ratios = [] if self.baseline is None else [f"ratio to {self.baseline}", "least", "greatest"]
        rows = [[name, figure(median(samples)), *self._ratio_cells(name)] for name, samples in self.samples.items()]
        rows += [[name, "not installed", *[""] * len(ratios)] for name in self.missing]
        return [self.title, "", *markdown_table(["", self.unit, *ratios], rows)]

    def _ratio_cells(self, name: str) -> list[str]:
        if self.baseline is None:
            return []
        ratio = self.ratio(name)
        return [f"{number:.2f}" for number in (ratio.median, ratio.low, ratio.high)]

    def to_dict(self) -> dict[str, Any]:
        """What `lines` shows and the figures behind it, JSON-able."""
        rows = {
            name: {"median": median(samples), "samples": list(samples)}
            | ({} if self.baseline is None else {"ratio": vars(self.ratio(name))})
            for name, samples in self.samples.items()
        }
        described = {"title": self.title, "unit": self.unit, "baseline": self.baseline}
        return {**described, "rows": rows, "not_installed": list(self.missing)}


def in_turn(measures: Mapping[str, Measure], *, rounds: int) -> dict[str, list[float]]:
    """Figures of `rounds` rounds, each of which measures everybody once, by name; each round starts with another one.

    What disturbs the machine for a while then disturbs everybody, and the ratios within a round hold.
    """
    samples: dict[str, list[float]] = {name: [] for name in measures}
    names = list(measures)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            samples[name].append(measures[name]())
    return samples


def microseconds(call: Callable[[], object], *, clock: Clock, block_s: float) -> Measure:
    """A measure of one call, over a block of calls that takes about `block_s` seconds."""

    def block(repeats: int) -> float:
        started = clock()
        for _ in range(repeats):
            call()
        return clock() - started

    repeats = 1
    while block(repeats) < block_s:
        repeats *= 2
    return lambda: 1e6 * block(repeats) / repeats


def figure(number: float) -> str:
    """Three significant digits, and all digits before the point."""
    digits = max(0, 3 - len(str(int(abs(number))))) if abs(number) >= 1 else 3
    return f"{number:,.{digits}f}"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table that reads well as plain text too; all columns but the first are flush right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        return "| " + " | ".join([cells[0].ljust(len(first)), *others]) + " |"

    rule = ["-" * max(widths[0], 3), *("-" * (max(width, 3) - 1) + ":" for width in widths[1:])]
    return [line(header), "| " + " | ".join(rule) + " |", *map(line, rows)]


def one_thread() -> None:
    """Compute on one thread from here on: more are no faster for small networks, and far slower on a busy machine."""
    from threadpoolctl import threadpool_limits

    if find_spec("torch") is not None:
        import torch

        torch.set_num_threads(1)
    # Read by TensorFlow at its first operation.
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    threadpool_limits(limits=1)


def argument_parser(doc: str, *, rounds: int, clock: str = "wall") -> argparse.ArgumentParser:
    """A parser with the options of every benchmark; `doc` is the script's docstring."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"measure everybody this often (default {rounds})")
    parser.add_argument(
        "--clock",
        choices=tuple(CLOCKS),
        default=clock,
        help=f"wall time, or processor time for a machine that others use as well (default {clock})",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    return parser


def report(comparisons: Sequence[Comparison], arguments: argparse.Namespace) -> None:
    """Print the tables; write them where `--json` says."""
    print("\n\n".join("\n".join(comparison.lines()) for comparison in comparisons))
    if arguments.json is not None:
        write_json(arguments, [comparison.to_dict() for comparison in comparisons])


def write_json(arguments: argparse.Namespace, tables: Sequence[Mapping[str, Any]]) -> None:
    """Write tables with what they were measured with."""
    options = {name: value for name, value in vars(arguments).items() if name != "json"}
    document = {"script": Path(sys.argv[0]).name, "options": options, "versions": versions(), "tables": tables}
    arguments.json.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def versions() -> dict[str, str | None]:
    """Of Python and of the packages that matter; None where one is not installed."""
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
