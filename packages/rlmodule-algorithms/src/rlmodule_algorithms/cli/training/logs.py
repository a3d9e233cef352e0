"""The logs of a run: JSON lines always, TensorBoard events where tensorboardX is installed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from rlmodule_algorithms.cli.training.events import EventLog, events_are_written
from rlmodule_algorithms.metrics_log import MetricsLog

METRICS = "metrics.jsonl"


class TrainingLog:
    """Writes every result; a context manager.

    Args:
        directory: where to.
        first_step: the first environment step that is still to come; a run that is resumed may take steps again that
            were logged before it was stopped.

    Raises:
        LogError: the logs cannot be written there.
    """

    def __init__(self, directory: Path, *, first_step: int = 1) -> None:
        with ExitStack() as stack:
            self._logs: list[MetricsLog | EventLog] = [stack.enter_context(MetricsLog(directory / METRICS))]
            if events_are_written():
                self._logs.append(stack.enter_context(EventLog(directory, first_step=first_step)))
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def write(self, result: Mapping[str, Any]) -> None:
        """Add what `Algorithm.train()` returned.

        Raises:
            LogError: it cannot be written.
        """
        for log in self._logs:
            log.write(result)
