"""The Gymnasium space that a dict of `space_to_dict` describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from rlmodule_core.errors import CheckpointError
from rlmodule_core.spaces.fields import Fields


def space_from_dict(data: Mapping[str, Any]) -> Space[Any]:
    """Rebuild the space that `space_to_dict` described; nothing that the data names is imported.

    Raises:
        CheckpointError: the data is damaged or foreign; the text names the field.
    """
    try:
        return _read(data, "")
    except RecursionError as error:
        raise CheckpointError(
            "A saved space is damaged or foreign: expected a space of sane depth, got one nested "
            "too deeply to read. Restore the file from a copy, or save it again."
        ) from error


def _read(data: Any, where: str) -> Space[Any]:
    fields = Fields(data, where)
    kind = fields.text("type")
    if kind not in _READERS:
        fields.fail("type", f"one of {', '.join(sorted(_READERS))}", kind)
    try:
        return _READERS[kind](fields)
    except CheckpointError:
        raise
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        # Gymnasium's own constructors have the last word on the values.
        fields.fail("", f"values that make a {kind} (Gymnasium says: {error})", data)


def _box(fields: Fields) -> spaces.Box:
    fields.only("shape", "dtype", "low", "high", "bounded_below", "bounded_above")
    shape, dtype = fields.shape(), fields.dtype()
    low, high = fields.array("low", shape, dtype), fields.array("high", shape, dtype)
    box = spaces.Box(low, high, shape, dtype)
    box.bounded_below = _bounded(fields, "bounded_below", box.bounded_below, dtype)
    box.bounded_above = _bounded(fields, "bounded_above", box.bounded_above, dtype)
    return box


def _bounded(fields: Fields, name: str, default: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    value = fields.get(name, None)
    if value is None:
        return default
    if dtype.kind != "i":
        fields.fail(name, f"nothing (the bounds of a {dtype} box say it themselves)", value)
    return fields.array(name, default.shape, np.dtype(bool))


def _discrete(fields: Fields) -> spaces.Discrete:
    fields.only("n", "start", "dtype")
    n, start, dtype = fields.integer("n"), fields.integer("start"), fields.dtype()
    if dtype == np.int64:
        # Older Gymnasium versions know no other dtype, and no argument for it.
        return spaces.Discrete(n, start=start)
    return spaces.Discrete(n, start=start, dtype=dtype)


def _multi_discrete(fields: Fields) -> spaces.MultiDiscrete:
    fields.only("shape", "nvec", "start", "dtype")
    shape, dtype = fields.shape(), fields.dtype()
    nvec, start = (fields.integer_array(name, shape, dtype) for name in ("nvec", "start"))
    return spaces.MultiDiscrete(nvec, dtype=dtype, start=start)


def _multi_binary(fields: Fields) -> spaces.MultiBinary:
    fields.only("n")
    if type(fields.get("n", None)) is int:
        return spaces.MultiBinary(fields.integer("n"))
    return spaces.MultiBinary(fields.integers("n"))


def _text(fields: Fields) -> spaces.Text:
    fields.only("min_length", "max_length", "charset")
    return spaces.Text(
        fields.integer("max_length"),
        min_length=fields.integer("min_length"),
        charset=fields.text("charset"),
    )


def _tuple(fields: Fields) -> spaces.Tuple[Any]:
    fields.only("spaces")
    items = enumerate(fields.items("spaces"))
    return spaces.Tuple(tuple(_read(item, fields.path(f"spaces[{i}]")) for i, item in items))


def _dict(fields: Fields) -> spaces.Dict:
    fields.only("spaces", "sort_keys")
    children: dict[Any, Space[Any]] = {}
    for i, item in enumerate(fields.items("spaces")):
        name = f"spaces[{i}]"
        if type(item) is not list or len(item) != 2 or type(item[0]) not in (str, int):
            fields.fail(name, "a pair of a key and a space", item)
        if item[0] in children:
            fields.fail(name, "a key of its own", item[0])
        children[item[0]] = _read(item[1], fields.path(f"{name}[1]"))
    sort_keys = fields.get("sort_keys", True)
    if type(sort_keys) is not bool:
        fields.fail("sort_keys", "true or false", sort_keys)
    # As pairs: a plain mapping would be sorted.
    space = spaces.Dict(tuple(children.items()))
    if not sort_keys:
        space.sort_keys = False
    return space


_READERS: dict[str, Callable[[Fields], Space[Any]]] = {
    "Box": _box,
    "Dict": _dict,
    "Discrete": _discrete,
    "MultiBinary": _multi_binary,
    "MultiDiscrete": _multi_discrete,
    "Text": _text,
    "Tuple": _tuple,
}
