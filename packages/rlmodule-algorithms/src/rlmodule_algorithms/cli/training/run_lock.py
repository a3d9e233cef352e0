"""One process at a time trains into a directory."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from rlmodule_core import ConfigError


@contextlib.contextmanager
def only_process_in(directory: Path) -> Iterator[None]:
    """Hold the directory of a run: two processes would delete each other's checkpoints.

    The system lets go of it however the process ends. Where it cannot lock directories, nothing is held.

    Raises:
        ConfigError: another process holds it.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(directory, os.O_RDONLY)
    try:
        # Some network file systems know no locks: OSError, but not of this kind.
        with contextlib.suppress(OSError):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConfigError(
                    f"Another process is training in {directory}. Wait until it has ended, or copy the directory and "
                    "resume the copy."
                ) from error
        yield
    finally:
        os.close(descriptor)
