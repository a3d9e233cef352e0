"""Load a framework without the notes on the machine that some print while they are imported."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from rlmodule_core import Backend, get_backend

_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
"""What keeps frameworks quiet later on, unless the user has set it."""


def load_framework(name: str) -> Backend:
    """The backend of that name.

    Raises:
        BackendNotFoundError: it is not installed.
        PluginError: it is broken; what it printed is shown.
    """
    with quiet_import():
        return get_backend(name)


@contextmanager
def quiet_import() -> Iterator[None]:
    """Within the block, what is imported prints nothing; what it has printed is shown where the block fails."""
    for variable, value in _QUIET.items():
        os.environ.setdefault(variable, value)
    # By its descriptor: frameworks print from C++ before anything in Python can tell them not to.
    sys.stderr.flush()
    own = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(own, held.read())
            raise
        finally:
            os.dup2(own, 2)
            os.close(own)
