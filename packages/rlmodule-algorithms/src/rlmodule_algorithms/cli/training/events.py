"""Events that TensorBoard reads."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from rlmodule_algorithms.errors import LogError


def events_are_written() -> bool:
    """Whether tensorboardX is installed, which writes them."""
    try:
        return find_spec("tensorboardX") is not None
    except ValueError:
        # What stands in its place in sys.modules is no module.
        return False


class EventLog:
    """Writes every number of every result, over environment steps; a context manager.

    Not tensorboardX's SummaryWriter: it writes in a thread, and when that fails, on a full disk say, the program waits
    for it forever.

    Args:
        directory: where to; each log gets a file of its own.
        first_step: the first environment step that is still to come: TensorBoard then hides what earlier files in the
            directory have from there on.

    Raises:
        LogError: the events cannot be written.
    """

    def __init__(self, directory: Path, *, first_step: int = 1) -> None:
        # Imported late: it imports torch where there is one, and wrong input should not wait for that.
        from tensorboardX.event_file_writer import EventsWriter  # type: ignore[import-untyped]
        from tensorboardX.proto.event_pb2 import Event, SessionLog  # type: ignore[import-untyped]
        from tensorboardX.proto.summary_pb2 import Summary  # type: ignore[import-untyped]

        self._directory, self._event, self._summary = directory, Event, Summary
        try:
            self._writer = EventsWriter(str(directory / "events"), filename_suffix=f".{os.getpid()}")
        except OSError as error:
            raise self._refused(error) from error
        if first_step > 1:
            self._write(Event(step=first_step, wall_time=time.time(), session_log=SessionLog(status=SessionLog.START)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, result: Mapping[str, Any]) -> None:
        """Add what `Algorithm.train()` returned.

        Raises:
            LogError: it cannot be written.
        """
        step = int(result["env_runners"]["num_env_steps_sampled_lifetime"])
        values = [self._summary.Value(tag=tag, simple_value=value) for tag, value in numbers(result)]
        self._write(self._event(step=step, wall_time=time.time(), summary=self._summary(value=values)))

    def close(self) -> None:
        """Close the file.

        Raises:
            LogError: what the system had not taken yet cannot be written.
        """
        try:
            self._writer.close()
        except OSError as error:
            raise self._refused(error) from error

    def _write(self, event: Any) -> None:
        try:
            self._writer.write_event(event)
            self._writer.flush()
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> LogError:
        return LogError(
            f"Expected to write events for TensorBoard to {self._directory}, got {type(error).__name__}: {error}. "
            "Check the path, its permissions and the free space, then try again."
        )


def numbers(result: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every finite number of the nested dict, with its path joined by '/'."""
    for key, value in result.items():
        if isinstance(value, Mapping):
            yield from numbers(value, f"{prefix}{key}/")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield f"{prefix}{key}", float(value)
