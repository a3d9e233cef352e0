"""Rows that suit the first layers of a network."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np

from rlmodule_core.plans import (
    Branches,
    Cast,
    Composite,
    Dims,
    Flatten,
    Fusion,
    MultiOneHot,
    OneHot,
    Plan,
    Scale,
    Transpose,
)
from rlmodule_core.testing.compare import Array


def input_rows(plan: Plan, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """Inputs of this shape that the plan can take: integers where it expects them, a mapping where it has branches."""
    if isinstance(plan, Fusion):
        return input_rows(plan.inputs, shape, rng)
    if isinstance(plan, Branches):
        nets = zip(plan.keys, plan.nets, plan.dims, strict=True)
        return {key: input_rows(net, (*shape, *dims), rng) for key, net, dims in nets}
    if isinstance(plan, Composite):
        children = [child for child in plan.children().values() if not isinstance(child, Flatten | Transpose)]
        return input_rows(children[0], shape, rng) if children else _rows(plan, shape, rng)
    return _rows(plan, shape, rng)


@singledispatch
def _rows(first: Plan, shape: Dims, rng: np.random.Generator) -> Array:
    return rng.normal(size=shape).astype(np.float32)


@_rows.register
def _(first: OneHot, shape: Dims, rng: np.random.Generator) -> Array:
    return rng.integers(first.start, first.start + first.size, shape)


@_rows.register
def _(first: MultiOneHot, shape: Dims, rng: np.random.Generator) -> Array:
    # Entries of one range each, whatever axes are merged before: the last ones of the shape.
    low = np.array(first.starts, np.int64)
    drawn = rng.integers(low, low + first.sizes, (*_leading(shape, len(low)), len(low)))
    return drawn.reshape(shape)


@_rows.register(Cast)
@_rows.register(Scale)
def _(first: Plan, shape: Dims, rng: np.random.Generator) -> Array:
    return rng.integers(0, 5, shape).astype(np.uint8)


def _leading(shape: Dims, size: int) -> Dims:
    """The axes before those that hold `size` numbers together."""
    kept, numbers = len(shape), 1
    while numbers < size:
        kept -= 1
        numbers *= shape[kept]
    return shape[:kept]
