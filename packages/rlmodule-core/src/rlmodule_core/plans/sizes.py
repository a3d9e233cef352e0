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
        try:
            positive = not isinstance(value, bool) and operator.index(value) > 0
        except TypeError:
            positive = False
        if not positive:
            raise ConfigError(f"{type(owner).__name__}.{field} must be a positive integer, got {value!r}.")
