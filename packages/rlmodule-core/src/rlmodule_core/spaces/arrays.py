"""Bounds of a space as JSON: one number where all are equal, else the raw bytes."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_MOST = 2**28
"""One number in a file stands for all elements: without a limit a small file could fill the memory."""

DTYPES = frozenset(("bool", *_INTEGERS, "float16", "float32", "float64"))


def encode_array(array: np.ndarray[Any, Any]) -> Any:
    """A JSON scalar where all elements have the same bits, else `{"base64": little-endian bytes}`."""
    raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
    if array.size > 0 and raw == raw[: array.itemsize] * array.size:
        return _encode_scalar(array.flat[0].item())
    return {"base64": base64.b64encode(raw).decode("ascii")}


def decode_array(value: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """The writable array of this shape and dtype that `encode_array` wrote.

    Raises:
        ValueError, TypeError, OverflowError, MemoryError: the value is none of `encode_array`'s.
    """
    if isinstance(value, dict):
        raw = base64.b64decode(value["base64"], validate=True)
        return np.frombuffer(raw, dtype.newbyteorder("<")).reshape(shape).astype(dtype)
    if math.prod(shape) > _MOST:
        raise MemoryError(f"{math.prod(shape)} elements, where no observation or action has more than {_MOST}")
    return np.full(shape, _decode_scalar(value, dtype), dtype)


def _encode_scalar(number: bool | int | float) -> bool | int | float | str:
    if isinstance(number, float) and math.isinf(number):
        # Strict JSON has no token for the infinities.
        return "inf" if number > 0 else "-inf"
    return number


def _decode_scalar(value: Any, dtype: np.dtype[Any]) -> bool | int | float:
    if dtype.kind == "f" and value in ("inf", "-inf"):
        return float(value)
    number: bool | int | float = value
    if type(number) is not type(dtype.type().item()):
        raise TypeError(f"a {dtype} cannot be read from {value!r}")
    if dtype.kind == "f" and abs(number) > float(np.finfo(dtype).max):
        raise OverflowError(f"{value!r} is no {dtype}")
    return number
