"""One described space, read field by field; every error names the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from rlmodule_core.errors import CheckpointError
from rlmodule_core.spaces.arrays import DTYPES, decode_array


class Fields:
    """The fields of one described space and where it stands, as in `spaces.pos.spaces[1]`."""

    def __init__(self, data: Any, where: str) -> None:
        self._where = where
        if not isinstance(data, Mapping):
            self.fail("", "an object that describes a space", data)
        self._data = data

    def path(self, name: str) -> str:
        """Where the field stands, seen from the outermost space."""
        return f"{self._where}.{name}" if self._where and name else self._where + name

    def fail(self, name: str, expected: str, got: Any) -> NoReturn:
        """Refuse the field.

        Raises:
            CheckpointError: always.
        """
        field = self.path(name)
        where = f"field {field!r}" if field else "the outermost object"
        raise CheckpointError(
            f"A saved space is damaged or foreign: expected {expected} in {where}, got {_short(got)}. "
            "Restore the file from a copy, or save it again."
        )

    def only(self, *known: str) -> None:
        """Refuse fields that this kind of space does not have."""
        for name in self._data:
            if name != "type" and name not in known:
                self.fail(str(name), f"nothing (a {self._data['type']} has {', '.join(known)})", self._data[name])

    def get(self, name: str, default: Any) -> Any:
        """The raw field, or the default where it is absent."""
        return self._data.get(name, default)

    def _typed(self, name: str, kind: type, expected: str) -> Any:
        value = self._data.get(name)
        # bool is an int to isinstance, but not to a reader.
        if type(value) is not kind:
            self.fail(name, expected, value if name in self._data else "nothing")
        return value

    def text(self, name: str) -> str:
        """A string."""
        text: str = self._typed(name, str, "a string")
        return text

    def integer(self, name: str) -> int:
        """An integer."""
        number: int = self._typed(name, int, "an integer")
        return number

    def items(self, name: str) -> list[Any]:
        """A list of anything."""
        items: list[Any] = self._typed(name, list, "a list")
        return items

    def integers(self, name: str) -> tuple[int, ...]:
        """A flat list of integers."""
        items = self.items(name)
        if any(type(item) is not int for item in items):
            self.fail(name, "a list of integers", items)
        return tuple(items)

    def shape(self) -> tuple[int, ...]:
        """The field `shape`: a list of sizes, none negative."""
        shape = self.integers("shape")
        if min(shape, default=0) < 0:
            self.fail("shape", "sizes of 0 or more", list(shape))
        return shape

    def dtype(self) -> np.dtype[Any]:
        """The field `dtype`, one of a closed set of names."""
        name = self.text("dtype")
        if name not in DTYPES:
            self.fail("dtype", f"one of {', '.join(sorted(DTYPES))}", name)
        return np.dtype(name)

    def integer_array(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """A flat list of integers as an array of this shape and dtype."""
        numbers = self.integers(name)
        try:
            return np.array(numbers, dtype).reshape(shape)
        except (ValueError, OverflowError):
            self.fail(name, f"{dtype} values for shape {shape}", list(numbers))

    def array(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """An array that `encode_array` wrote."""
        value = self._data.get(name)
        try:
            return decode_array(value, shape, dtype)
        except (ValueError, TypeError, KeyError, OverflowError, MemoryError):
            self.fail(name, f"{dtype} values of shape {shape}", value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
