"""The shape of one action, around formulas over flat numbers."""

from __future__ import annotations

import math

from rlmodule_core.backend.ops import Ops, Tensor
from rlmodule_core.plans.sizes import require_positive, sizes_of

Shape = tuple[int, ...]


def canonical_dim(owner: object, field: str, dim: int | Shape) -> int | Shape:
    """A number of axes, or a shape; a shape of one axis as that number, so that equal ones compare equal.

    Raises:
        ConfigError: a size is no positive integer.
    """
    if not isinstance(dim, tuple):
        require_positive(owner, **{field: dim})
        return dim
    sizes = sizes_of(owner, field, dim)
    return sizes[0] if len(sizes) == 1 else sizes


def shape_of(dim: int | Shape) -> Shape:
    """The shape that `canonical_dim` stands for."""
    return dim if isinstance(dim, tuple) else (dim,)


def to_event(ops: Ops, flat: Tensor, shape: Shape) -> Tensor:
    """Flat numbers `[..., prod(shape)]` as `[..., *shape]`."""
    return flat if len(shape) == 1 else ops.reshape(flat, (*flat.shape[:-1], *shape))


def to_flat(ops: Ops, value: Tensor, shape: Shape) -> Tensor:
    """Actions `[..., *shape]` as `[..., prod(shape)]`."""
    if len(shape) == 1:
        return value
    leading = value.shape[: len(value.shape) - len(shape)]
    return ops.reshape(value, (*leading, math.prod(shape)))
