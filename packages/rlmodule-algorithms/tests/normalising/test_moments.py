"""Moments of data that come in parts are those of all of it."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_algorithms.normalising.moments import Moments


@st.composite
def parts(draw: st.DrawFn) -> list[Any]:
    """Float32 rows of one width in three parts, some of them empty, around means of any size."""
    width = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    centre, spread = draw(st.sampled_from([0.0, 1.0, -1e6])), draw(st.sampled_from([1e-2, 1.0, 1e4]))
    sizes = [draw(st.integers(0, 40)) for _ in range(3)]
    shifts = [draw(st.floats(-3, 3)) for _ in range(3)]
    return [
        (centre + spread * (shift + rng.normal(size=(size, width)))).astype(np.float32)
        for size, shift in zip(sizes, shifts, strict=True)
    ]


def close(one: Moments, other: Moments, scale: Any) -> None:
    assert one.count == other.count
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-13, atol=1e-13 * scale.max())
    np.testing.assert_allclose(one.variance, other.variance, rtol=1e-9, atol=1e-15 * scale.max() ** 2)


@given(parts())
@settings(max_examples=60)
def test_parts_in_any_order_and_grouping_give_the_moments_of_the_whole(rows: list[Any]) -> None:
    whole = np.concatenate(rows).astype(np.float64)
    if len(whole) == 0:
        return
    expected = Moments(float(len(whole)), whole.mean(axis=0), whole.var(axis=0))
    scale = 1.0 + np.abs(whole).max(axis=0)
    for order in permutations(map(Moments.of, rows)):
        a, b, c = order
        close(a.merged(b).merged(c), expected, scale)
        close(a.merged(b.merged(c)), expected, scale)


def test_large_numbers_keep_their_variance() -> None:
    rows = (1e6 + np.random.default_rng(0).normal(size=(10_000, 2))).astype(np.float32)
    total = Moments.of(rows[:1])
    for start in range(1, 10_000, 101):
        total = total.merged(Moments.of(rows[start : start + 101]))
    exact = rows.astype(np.float64)
    np.testing.assert_allclose(total.variance, exact.var(axis=0), rtol=1e-9)
    np.testing.assert_allclose(total.mean, exact.mean(axis=0), rtol=1e-15)


@pytest.mark.parametrize("shape", [(0,), (0, 3)])
def test_no_rows_change_nothing(shape: tuple[int, ...]) -> None:
    known = Moments(4.0, np.full(shape[1:], 2.0), np.full(shape[1:], 5.0))
    nothing = Moments.of(np.zeros(shape))
    assert nothing.count == 0.0
    assert nothing.merged(known) is known
    assert known.merged(nothing) is known
