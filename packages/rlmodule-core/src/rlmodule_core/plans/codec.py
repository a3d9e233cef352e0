"""Plans and other frozen core values to JSON-able dicts and back: a closed set of types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from rlmodule_core.errors import CheckpointError
from rlmodule_core.plans.record import is_silent
from rlmodule_core.stored import from_fields, short

TYPE_KEY = "type"

_DEEPEST = 200
"""What is nested deeper would exhaust the stack of whoever walks it. Each level of a nested space is two of a plan."""


def to_json(value: Any) -> Any:
    """A frozen dataclass as a dict of its fields (but see `gained`), tuples as lists, and scalars as they are."""
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return {TYPE_KEY: type(value).__name__} | {
        field.name: to_json(item) for field in fields(value) if not is_silent(field, item := getattr(value, field.name))
    }


def from_json(data: Any, types: Sequence[type]) -> Any:
    """Rebuild what `to_json` wrote, from the given closed set of types only.

    Raises:
        CheckpointError: the data name another type, or their fields do not fit it; names the field.
    """
    return _decode(data, {cls.__name__: cls for cls in types}, where="", depth=0)


def _decode(data: Any, known: Mapping[str, type], *, where: str, depth: int) -> Any:
    if depth > _DEEPEST:
        raise CheckpointError(
            f"A stored plan is nested more than {_DEEPEST} levels deep. It was damaged or changed: restore the "
            "checkpoint from a copy."
        )
    if isinstance(data, list):
        items = enumerate(data)
        return tuple(_decode(item, known, where=f"{where}[{index}]", depth=depth + 1) for index, item in items)
    if not isinstance(data, Mapping):
        return data
    name = data.get(TYPE_KEY)
    cls = known.get(name) if isinstance(name, str) else None
    if cls is None:
        raise CheckpointError(
            f"A stored plan names {short(name)}, unknown to this version (known: {', '.join(known)}). "
            "Load it with the version of rlmodule-core that wrote it, or a newer one."
        )
    here = f"{where}:{name}" if where else str(name)
    arguments = {
        key: _decode(item, known, where=f"{here}.{key}", depth=depth + 1)
        for key, item in data.items()
        if key != TYPE_KEY
    }
    return from_fields(cls, arguments, where=here)
