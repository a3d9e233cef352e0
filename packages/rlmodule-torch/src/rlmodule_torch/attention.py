"""Attention to the steps before."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from rlmodule_core.plans import Attend


def attend(inputs: tuple[Tensor, Tensor, Tensor, Tensor], record: Attend, bias: Tensor) -> Tensor:
    """Queries `[B, T, d]`, keys and values `[B, window + T, d]`, filled `[B]` to `[B, T, d]`; see the record."""
    *projected, filled = inputs
    q, k, v = (_by_head(each, record) for each in projected)
    seen = torch.arange(k.shape[2], device=q.device)
    distance = seen[record.window :, None] - seen
    within = (distance >= 0) & (distance <= record.window)
    # Of the memory, the entries that have not been filled yet come first.
    there = seen >= record.window - filled[:, None]
    scores = bias[:, distance.clamp(0, record.window)]
    scores = torch.where((within & there[:, None])[:, None], scores, float("-inf"))
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=scores)
    return y.transpose(1, 2).flatten(2)


def _by_head(x: Tensor, record: Attend) -> Tensor:
    return x.reshape(*x.shape[:2], record.heads, record.head_size).transpose(1, 2)
