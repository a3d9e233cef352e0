"""Independent copies of option values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def independent(value: Any) -> Any:
    """The value with its mappings, lists, tuples and sets copied to the bottom; what they hold is shared.

    Not `copy.deepcopy`: an `env_config` may hold what cannot be copied, a connection to a simulator say.
    """
    if isinstance(value, Mapping):
        return {key: independent(item) for key, item in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(independent(item) for item in value)
    return value
