"""Rows that do not count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core import Columns, Ops, Tensor
from rlmodule_core.spaces import map_leaves


def masked_mean(ops: Ops, x: Tensor, mask: Tensor | None) -> Tensor:
    """The mean of `x [B]` where `mask [B]` is True; without a mask, of all. 0 where nothing counts."""
    if mask is None:
        return ops.mean(x)
    weight = ops.cast(mask, ops.dtype_name(x))
    # Where the mask is False x may be anything, even not finite; multiplication would let that through.
    kept = ops.where(mask, x, ops.zeros_like(x))
    return ops.sum(kept) / ops.maximum(ops.sum(weight), 1.0)


def cleared(columns: Mapping[str, Any]) -> Mapping[str, Any]:
    """The columns `[N, ...]` with 0 for every float in the rows where `loss_mask` is False; leaf by leaf where nested.

    What is there must not reach a gradient, and a loss that leaves such rows out still multiplies them by 0, which
    makes no number of what is none.
    """
    mask = columns.get(Columns.LOSS_MASK)
    if mask is None:
        return columns
    return {name: map_leaves(lambda leaf: _cleared(leaf, mask), column) for name, column in columns.items()}


def _cleared(column: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    # Integers are always numbers, and 0 may be no legal action.
    if not np.issubdtype(column.dtype, np.floating):
        return column
    return np.where(mask.reshape(-1, *[1] * (column.ndim - 1)), column, column.dtype.type(0))
