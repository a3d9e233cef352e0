"""Rows that do not count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core import OF_SEQUENCES, Columns, Ops, Tensor
from rlmodule_core.spaces import map_leaves


def masked_mean(ops: Ops, x: Tensor, mask: Tensor | None) -> Tensor:
    """The mean of `x [B]` where `mask [B]` is True; without a mask, of all. 0 where nothing counts."""
    if mask is None:
        return ops.mean(x)
    weight = ops.cast(mask, ops.dtype_name(x))
    # Where the mask is False x may be anything, even not finite; multiplication would let that through.
    kept = ops.where(mask, x, ops.zeros_like(x))
    return ops.sum(kept) / ops.maximum(ops.sum(weight), 1.0)


def counted_steps(ops: Ops, columns: Mapping[str, Any], mask: Tensor) -> dict[str, Any]:
    """Columns `[N, L, ...]` of padded sequences without the padding: `[S, ...]`, one row for each step that counts.

    What has one row for each sequence, `seq_lens` and states, is left as it is; `loss_mask` has done its duty.

    Args:
        ops: the framework's tensor functions.
        columns: of a minibatch, or the outputs of a forward for it.
        mask: `[N, L]`: the steps that count; S of them.
    """
    lead = tuple(mask.shape)

    def counted(leaf: Any) -> Any:
        is_padded = isinstance(leaf, ops.tensor_type) and tuple(getattr(leaf, "shape", ()))[:2] == lead
        return ops.select(leaf, mask) if is_padded else leaf

    return {
        name: column if name in OF_SEQUENCES else map_leaves(counted, column)
        for name, column in columns.items()
        if name != Columns.LOSS_MASK
    }


def cleared(columns: Mapping[str, Any]) -> Mapping[str, Any]:
    """The columns `[N, ...]` with 0 for every float in the rows where `loss_mask` is False; leaf by leaf where nested.

    Of sequences, `loss_mask` is `[N, L]`, as the first axes of the other columns; states are left as they are.

    What is there must not reach a gradient, and a loss that leaves such rows out still multiplies them by 0, which
    makes no number of what is none.
    """
    mask = columns.get(Columns.LOSS_MASK)
    if mask is None:
        return columns
    return {
        name: column if name in OF_SEQUENCES else map_leaves(lambda leaf: _cleared(leaf, mask), column)
        for name, column in columns.items()
    }


def _cleared(column: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    # Integers are always numbers, and 0 may be no legal action.
    if not np.issubdtype(column.dtype, np.floating):
        return column
    return np.where(mask.reshape(*mask.shape, *[1] * (column.ndim - mask.ndim)), column, column.dtype.type(0))
