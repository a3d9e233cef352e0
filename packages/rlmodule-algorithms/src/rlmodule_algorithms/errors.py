"""The errors that training adds to those of core."""

from __future__ import annotations

from rlmodule_core import RLModuleError


class EnvError(RLModuleError, RuntimeError):
    """An environment cannot be made, raises, or returns what Gymnasium's interface does not allow."""


class LogError(RLModuleError, OSError):
    """Metrics cannot be written."""
