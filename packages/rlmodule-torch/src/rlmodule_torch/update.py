"""One epoch of minibatch updates in torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from rlmodule_core import ConfigError, GradientClip, Loss, NotANumberError
from rlmodule_torch.ops import OPS
from rlmodule_torch.optimizer import TorchOptimizer


def update_epoch(
    module: Any,
    *,
    loss: Loss,
    optimizer: Any,
    columns: Mapping[str, Any],
    permutation: Tensor,
    minibatch_size: int,
    coeffs: Mapping[str, float],
    clip: GradientClip,
) -> dict[str, Tensor]:
    """See `TrainingBackend.update_epoch`; columns are tensors here."""
    optimizer.prepare()
    shuffled = _take(columns, permutation)
    sums: dict[str, Tensor] = {}
    starts = range(0, len(permutation), minibatch_size)
    for start in starts:
        batch = _rows(shuffled, start, start + minibatch_size)
        for name, value in _step(module, loss, optimizer, batch, coeffs, clip).items():
            sums[name] = sums[name] + value if name in sums else value
    return {name: value / len(starts) for name, value in sums.items()}


def _step(
    module: Any,
    loss: Loss,
    optimizer: TorchOptimizer,
    batch: Mapping[str, Any],
    coeffs: Mapping[str, float],
    clip: GradientClip,
) -> dict[str, Tensor]:
    outputs = module.forward_train(batch)
    total, metrics = loss(OPS, outputs, batch, coeffs)
    if not total.requires_grad:
        raise ConfigError(
            f"The loss of {type(module).__name__} does not depend on its weights: _forward_train must return tensors "
            "that are computed from them, neither detached nor under torch.no_grad()."
        )
    optimizer.zero_grad()
    total.backward()
    norm = optimizer.clip(clip)
    # One number and Python's test of it: on a tensor the test takes several calls.
    if not math.isfinite((norm + total.detach()).item()):
        raise NotANumberError(_blame(optimizer, outputs, batch, total))
    optimizer.step()
    metrics = {"total_loss": total, **metrics, "gradients_global_norm": norm}
    return {name: value.detach() for name, value in metrics.items()}


def _take(columns: Mapping[str, Any], rows: Tensor) -> dict[str, Any]:
    return {
        name: _take(column, rows) if isinstance(column, Mapping) else column[rows.to(column.device)]
        for name, column in columns.items()
    }


def _rows(columns: Mapping[str, Any], start: int, stop: int) -> dict[str, Any]:
    return {
        name: _rows(column, start, stop) if isinstance(column, Mapping) else column[start:stop]
        for name, column in columns.items()
    }


def _blame(optimizer: TorchOptimizer, outputs: Mapping[str, Any], batch: Mapping[str, Any], total: Tensor) -> str:
    """Name the first thing that is not finite, from the data to the gradients."""
    gradients = {name: weight.grad for name, weight in optimizer.parameters.items() if weight.grad is not None}
    suspects = (("batch column", batch), ("output", outputs), ("loss", {"total": total}), ("gradient of", gradients))
    for kind, tensors in suspects:
        for name, tensor in _floats(tensors):
            bad = (~torch.isfinite(tensor.detach())).nonzero()
            if len(bad):
                return (
                    f"The {kind} {name!r} is not finite, first at index {bad[0].tolist()}. The optimizer did not "
                    "step, so the weights are the last good ones. Lower lr, set grad_clip, or look at the data."
                )
    return "The global gradient norm overflowed. The optimizer did not step. Lower lr or scale the loss down."


def _floats(tensors: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    for name, value in tensors.items():
        if isinstance(value, Mapping):
            yield from _floats(value, f"{prefix}{name}.")
        elif isinstance(value, Tensor) and value.is_floating_point():
            yield f"{prefix}{name}", value
