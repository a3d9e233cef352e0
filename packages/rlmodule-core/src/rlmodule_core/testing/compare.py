"""How the exams compare: the same in every suite, and with `python -O` too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

TOLERANCE = 1e-5
"""How far a backend may be from the oracle: this, times the largest magnitude where that is above 1."""


def require(condition: Any, message: str) -> None:
    """Fail the test with this text unless the condition holds."""
    if not condition:
        raise AssertionError(message)


def require_close(actual: Any, expected: Any, what: str, *, tolerance: float = TOLERANCE) -> None:
    """Fail unless both have one shape and differ by at most `tolerance * max(1, |expected|max)`."""
    got, wanted = np.asarray(actual), np.asarray(expected)
    require(got.shape == wanted.shape, f"{what}: expected shape {wanted.shape}, got {got.shape}.")
    if not wanted.size:
        return
    with np.errstate(invalid="ignore"):
        error = np.abs(got.astype(np.float64) - wanted)
    # Not `error > allowed`, which NaN would pass.
    allowed = tolerance * max(1.0, float(np.abs(wanted).max()))
    require(
        np.all(error <= allowed),
        f"{what}: differs by {error.max():.3g} where {allowed:.3g} is allowed.\nexpected {wanted!r}\ngot      {got!r}",
    )


def require_same(actual: Any, expected: Any, what: str) -> None:
    """Fail unless both have one dtype, one shape and the same bits."""
    got, wanted = np.asarray(actual), np.asarray(expected)
    require(got.dtype == wanted.dtype, f"{what}: expected dtype {wanted.dtype}, got {got.dtype}.")
    require(got.shape == wanted.shape, f"{what}: expected shape {wanted.shape}, got {got.shape}.")
    require(got.tobytes() == wanted.tobytes(), f"{what}: not bit for bit the same.\nexpected {wanted}\ngot      {got}")


def require_same_arrays(actual: Mapping[str, Any], expected: Mapping[str, Any], what: str) -> None:
    """Fail unless both hold the same names in the same order, with the same bits."""
    require(list(actual) == list(expected), f"{what}: expected {list(expected)}, got {list(actual)}.")
    for name, array in expected.items():
        require_same(actual[name], array, f"{what}, {name!r}")


def leaves(value: Any, path: str = "out") -> Iterator[tuple[str, Any]]:
    """Every leaf of a nested mapping with its dotted path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}")
    else:
        yield path, value
