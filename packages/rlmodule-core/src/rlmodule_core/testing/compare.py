"""How the exams compare: the same in every suite, and with `python -O` too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

TOLERANCE = 1e-5
"""How far a backend may be from the oracle: this, times the largest magnitude where that is above 1."""

_SHOWN_WHOLE = 16
"""Arrays of more numbers than this are shown by their worst number alone."""


def require(condition: Any, message: str) -> None:
    """Fail the test with this text unless the condition holds."""
    # pytest then points at the question that asked, here and below.
    __tracebackhide__ = True
    if not condition:
        raise AssertionError(message)


def require_equal(actual: Any, expected: Any, what: str) -> None:
    """Fail unless both are equal values, such as shapes, names or dtypes."""
    __tracebackhide__ = True
    require(actual == expected, f"{what}: expected {expected}, got {actual}.")


def require_close(actual: Any, expected: Any, what: str, *, tolerance: float = TOLERANCE) -> None:
    """Fail unless both have one shape and differ by at most `tolerance * max(1, |expected|max)`."""
    __tracebackhide__ = True
    got, wanted = np.asarray(actual), np.asarray(expected)
    require_equal(got.shape, wanted.shape, f"{what}: shape")
    if not wanted.size:
        return
    with np.errstate(invalid="ignore"):
        error = np.abs(got.astype(np.float64) - wanted)
    # Not `error > allowed`, which NaN would pass.
    allowed = tolerance * max(1.0, float(np.abs(wanted).max()))
    wrong = ~(error <= allowed)
    if wrong.any():
        raise AssertionError(f"{what}: {_difference(got, wanted, wrong, error)} Allowed: {allowed:.2g}.")


def require_same(actual: Any, expected: Any, what: str) -> None:
    """Fail unless both have one dtype, one shape and the same bits."""
    __tracebackhide__ = True
    got, wanted = np.asarray(actual), np.asarray(expected)
    require_equal(got.dtype, wanted.dtype, f"{what}: dtype")
    require_equal(got.shape, wanted.shape, f"{what}: shape")
    wrong = (_bytes(got) != _bytes(wanted)).any(axis=-1)
    if wrong.any():
        raise AssertionError(f"{what}: {_difference(got, wanted, wrong, wrong)} Every bit must be the same.")


def require_same_arrays(actual: Mapping[str, Any], expected: Mapping[str, Any], what: str) -> None:
    """Fail unless both hold the same names in the same order, with the same bits."""
    __tracebackhide__ = True
    missing = [name for name in expected if name not in actual]
    unexpected = [name for name in actual if name not in expected]
    require(not missing and not unexpected, f"{what}: missing {missing}, unexpected {unexpected}.")
    require_equal(list(actual), list(expected), f"{what}: the order of names")
    for name, array in expected.items():
        require_same(actual[name], array, f"{what}, {name!r}")


def leaves(value: Any, path: str = "out") -> Iterator[tuple[str, Any]]:
    """Every leaf of a nested mapping with its dotted path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}")
    else:
        yield path, value


def _bytes(array: Array) -> Array:
    return np.ascontiguousarray(array)[..., None].view(np.uint8).reshape(*array.shape, array.itemsize)


def _difference(got: Array, wanted: Array, wrong: Array, error: Array) -> str:
    """The worst of the wrong numbers; a NaN counts as the worst."""
    worst = np.unravel_index(np.argmax(np.where(wrong, error, -1.0)), wrong.shape)
    # As numpy writes them: a format would write out the digits that float32 does not have.
    values = f"expected {wanted[worst]!s}, got {got[worst]!s}."
    if wrong.size == 1:
        return values
    text = f"{wrong.sum()} of {wrong.size} differ; at {[int(index) for index in worst]} {values}"
    return text if wrong.size > _SHOWN_WHOLE else f"{text}\nexpected {wanted}\ngot      {got}\n"
