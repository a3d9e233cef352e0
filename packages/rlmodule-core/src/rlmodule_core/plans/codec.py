"""Plans and other frozen core values to JSON-able dicts and back: a closed set of types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from rlmodule_core.errors import CheckpointError

TYPE_KEY = "type"


def to_json(value: Any) -> Any:
    """A frozen dataclass as a dict of all its fields, tuples as lists; numbers, text and None as they are."""
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return {TYPE_KEY: type(value).__name__} | {
        field.name: to_json(getattr(value, field.name)) for field in fields(value)
    }


def from_json(data: Any, types: Sequence[type]) -> Any:
    """Rebuild what `to_json` wrote, from the given closed set of types only.

    Raises:
        CheckpointError: the data name another type, or their fields do not fit it.
    """
    if isinstance(data, list):
        return tuple(from_json(item, types) for item in data)
    if not isinstance(data, Mapping):
        return data
    known = {cls.__name__: cls for cls in types}
    cls = known.get(str(data.get(TYPE_KEY)))
    if cls is None:
        raise CheckpointError(
            f"A stored plan names {data.get(TYPE_KEY)!r}, unknown to this version (known: {', '.join(known)}). "
            "Load it with the version of rlmodule-core that wrote it, or a newer one."
        )
    arguments = {key: from_json(item, types) for key, item in data.items() if key != TYPE_KEY}
    try:
        return cls(**arguments)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"A stored {cls.__name__} has fields that do not fit: {error}") from error
