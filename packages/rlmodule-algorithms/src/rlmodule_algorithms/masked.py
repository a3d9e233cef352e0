"""Means over the rows that count."""

from __future__ import annotations

from rlmodule_core import Ops, Tensor


def masked_mean(ops: Ops, x: Tensor, mask: Tensor | None) -> Tensor:
    """The mean of `x [B]` where `mask [B]` is True; without a mask, of all. 0 where nothing counts."""
    if mask is None:
        return ops.mean(x)
    weight = ops.cast(mask, ops.dtype_name(x))
    # Where the mask is False x may be anything, even not finite; multiplication would let that through.
    kept = ops.where(mask, x, ops.zeros_like(x))
    return ops.sum(kept) / ops.maximum(ops.sum(weight), 1.0)
