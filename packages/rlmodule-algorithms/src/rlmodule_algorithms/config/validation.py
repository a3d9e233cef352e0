"""Checks of option values: each names the option, what it must be and what came."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, NoReturn

from rlmodule_algorithms.config.options import RENAMED
from rlmodule_algorithms.schedules import Schedule
from rlmodule_core import ConfigError, nearest


def refuse(option: str, value: object, expected: str) -> NoReturn:
    """Raise the error for an illegal value."""
    raise ConfigError(f"The option {option!r} must be {expected}, got {value!r}.")


def require_count(option: str, value: Any, *, least: int = 1) -> None:
    """Refuse anything but an integer of at least `least`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        refuse(option, value, f"an integer of at least {least}")


def require_number(option: str, value: Any, *, low: float = 0.0, high: float = math.inf) -> None:
    """Refuse anything but a finite number in `[low, high]`."""
    if not _is_number(value) or not low <= value <= high:
        bounds = f" from {low} to {high}" if math.isfinite(high) else f" of at least {low}"
        refuse(option, value, f"a number{bounds if math.isfinite(low) else ''}")


def require_positive(option: str, value: Any) -> None:
    """Refuse anything but a finite number above 0."""
    if not _is_number(value) or value <= 0:
        refuse(option, value, "a positive number")


def require_schedule(option: str, value: Any, *, low: float = 0.0, high: float = math.inf) -> None:
    """Refuse anything but a number in `[low, high]`, or a schedule of such numbers."""
    for number in Schedule.of(option, value).values:
        require_number(option, number, low=low, high=high)


def require_mapping(option: str, value: Any) -> None:
    """Refuse anything but a mapping or None."""
    if value is not None and not isinstance(value, Mapping):
        refuse(option, value, "a mapping")


def require_one_of(option: str, value: Any, *legal: Any) -> None:
    """Refuse anything but one of the listed values."""
    if value not in legal:
        refuse(option, value, "one of " + ", ".join(map(repr, legal)))


def _is_number(value: object) -> bool:
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        # An integer beyond the largest float.
        return False


def unknown_option(group: str, option: str, groups: Mapping[str, frozenset[str]]) -> ConfigError:
    """The error for an option that `group` does not have: its new name, its group, or the nearest name."""
    if option in RENAMED:
        hint = f" Here it is {RENAMED[option]}."
    elif owner := next((name for name, options in groups.items() if option in options), None):
        hint = f" It belongs to .{owner}({option}=...)."
    else:
        hint = nearest(option, groups[group])
    public = sorted(name for name in groups[group] if not name.startswith("_"))
    return ConfigError(f".{group}() has no option {option!r}.{hint} Its options are: {', '.join(public)}.")
