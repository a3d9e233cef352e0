"""Results as lines of JSON, for every program that reads them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np

from rlmodule_algorithms.errors import LogError


class MetricsLog:
    """Appends results to a file, one JSON object on a line for each; a context manager.

    What is not a finite number is written as null: strict JSON has nothing else. A line is in the file when `write`
    returns, so that a program that is killed loses none. One that was cut short before is removed.

    Args:
        path: the file; its directory must exist.

    Raises:
        LogError: it cannot be written to.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with self._errors_named():
            _remove_half_a_line(self.path)
            # Unbuffered: what cannot be written shall not wait in a buffer and fail again.
            self._file = self.path.open("ab", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, result: Mapping[str, Any]) -> None:
        """Add what `Algorithm.train()` returned.

        Raises:
            LogError: it cannot be written.
        """
        line = json.dumps(_plain(result), allow_nan=False, separators=(",", ":"))
        data = memoryview(f"{line}\n".encode())
        with self._errors_named():
            while data:
                data = data[self._file.write(data) :]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LogError(
                f"Expected to write the metrics to {self.path}, got {type(error).__name__}: {error}. Check the path, "
                "its permissions and the free space, then try again."
            ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    # A callback may add anything to a result; a log is no reason to stop the training.
    return repr(value)


def _remove_half_a_line(path: Path) -> None:
    """Remove what a writer that was killed left behind the last line break."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        size = position = file.seek(0, os.SEEK_END)
        while position:
            file.seek(position - 1)
            if file.read(1) == b"\n":
                break
            position -= 1
        if position < size:
            file.truncate(position)
