"""Logs that TensorBoard reads."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

_SECONDS_BETWEEN_WRITES = 5


class TrainingLog:
    """Writes every number of every result, over environment steps."""

    def __init__(self, directory: Path) -> None:
        # Imported late: it imports torch where there is one, and wrong input should not wait for that.
        from tensorboardX import SummaryWriter  # type: ignore[import-untyped]

        self._writer = SummaryWriter(str(directory), flush_secs=_SECONDS_BETWEEN_WRITES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, result: Mapping[str, Any]) -> None:
        """Add what `Algorithm.train()` returned."""
        step = int(result["env_runners"]["num_env_steps_sampled_lifetime"])
        for tag, value in numbers(result):
            self._writer.add_scalar(tag, value, step)


def numbers(result: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every finite number of the nested dict, with its path joined by '/'."""
    for key, value in result.items():
        if isinstance(value, Mapping):
            yield from numbers(value, f"{prefix}{key}/")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield f"{prefix}{key}", float(value)
