"""Checks of the numbers that size a layer."""

from __future__ import annotations

import operator
from typing import Any

from rlmodule_core.errors import ConfigError


def require_positive(owner: object, **sizes: Any) -> None:
    """Refuse sizes that are not positive integers.

    Raises:
        ConfigError: names the owner's class, the field and its value.
    """
    for field, value in sizes.items():
        if not _is_whole(value, least=1):
            raise ConfigError(f"{type(owner).__name__}.{field} must be a positive integer, got {value!r}.")


def require_width(owner: object, **widths: Any) -> None:
    """Refuse widths that are not whole numbers, 0 or more.

    Raises:
        ConfigError: names the owner's class, the field and its value.
    """
    for field, value in widths.items():
        if not _is_whole(value, least=0):
            raise ConfigError(f"{type(owner).__name__}.{field} must be a width, 0 or more, got {value!r}.")


def sizes_of(owner: object, field: str, values: Any) -> tuple[int, ...]:
    """A sequence of positive integers as a tuple.

    Raises:
        ConfigError: it is no sequence, or an entry is no positive integer.
    """
    try:
        sizes = tuple(values)
    except TypeError:
        raise ConfigError(
            f"{type(owner).__name__}.{field} must be a sequence of positive integers such as (64, 64), got {values!r}."
        ) from None
    for size in sizes:
        require_positive(owner, **{field: size})
    return tuple(operator.index(size) for size in sizes)


def _is_whole(value: Any, *, least: int) -> bool:
    try:
        return not isinstance(value, bool) and operator.index(value) >= least
    except TypeError:
        return False
