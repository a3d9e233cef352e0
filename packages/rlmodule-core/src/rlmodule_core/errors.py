"""Every error that rlmodule raises on purpose: one base, few children."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RLModuleError(Exception):
    """Base of all errors of the rlmodule packages."""


class SpecCheckingError(RLModuleError, ValueError):
    """Data that enters or leaves a forward does not fit its spec."""


class ConfigError(RLModuleError, ValueError):
    """An option, a setting or a field is missing, unknown or has an illegal value."""


class UnsupportedSpaceError(ConfigError):
    """No default exists for this space."""


class StateError(RLModuleError, ValueError):
    """Weights or states do not fit the module they are given to."""


class CheckpointError(RLModuleError, ValueError):
    """A checkpoint is missing, damaged, foreign or needs a class that is not there."""


class PluginError(RLModuleError, ImportError):
    """A plugin is missing, claimed twice, incompatible or broken."""


class BackendNotFoundError(PluginError):
    """No backend of that name is installed."""


class UnknownIdError(RLModuleError, KeyError):
    """No entry has this id or name."""

    def __str__(self) -> str:
        # KeyError prints the repr of its argument, which escapes the message.
        return str(self.args[0]) if self.args else ""


class NotANumberError(RLModuleError, ArithmeticError):
    """An observation, reward, loss or gradient is not a finite number."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint such as " Did you mean 'gamma'?", or an empty string when nothing is near."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {matches[0]!r}?" if matches else ""
