"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

_BLOCKS = "▁▂▃▄▅▆▇█"


def duration(seconds: float) -> str:
    """`0:07`, `1:30` or `2:00:05`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def mean_number(value: float | None) -> str:
    """Three digits at least, so that returns of 1 can be told apart as those of 500 can: `475.0`, `9.57`, `0.952`.

    A dash where there is no value yet.
    """
    if value is None:
        return "-"
    size = abs(value)
    return f"{value:,.1f}" if size >= 10.0 or size == 0.0 else f"{value:.2f}" if size >= 1.0 else f"{value:.3f}"


def plain_number(value: float) -> str:
    """The same without the zeros behind: `475`, `212.4`, `-99.5`, `0.95`."""
    return mean_number(value).rstrip("0").removesuffix(".")


def measure(value: float | None, spec: str) -> str:
    """The value in that format, or a dash where there is none yet."""
    return "-" if value is None else format(value, spec)


def sparkline(values: Sequence[float], width: int) -> str:
    """The course of the values as at most `width` blocks, from their lowest to their highest."""
    if not values or width < 1:
        return ""
    count = min(width, len(values))
    edges = [index * len(values) // count for index in range(count + 1)]
    means = [sum(values[start:end]) / (end - start) for start, end in pairwise(edges)]
    low, high = min(means), max(means)
    if high == low:
        return _BLOCKS[0] * count
    return "".join(_BLOCKS[round((mean - low) / (high - low) * (len(_BLOCKS) - 1))] for mean in means)
