"""One epoch of minibatch updates in torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rlmodule_core import Backend, Epoch, constant_loss, not_finite
from rlmodule_torch.ops import OPS
from rlmodule_torch.optimizer import TorchOptimizer


def run_epoch(backend: Backend, epoch: Epoch) -> dict[str, Tensor]:
    """See `TrainingBackend.update_epoch`."""
    epoch.optimizer.prepare()
    shuffled = _take(epoch.columns, torch.from_numpy(epoch.permutation))
    sums: dict[str, Tensor] = {}
    starts = range(0, len(epoch.permutation), epoch.minibatch_size)
    for start in starts:
        for name, value in _step(backend, epoch, _rows(shuffled, start, start + epoch.minibatch_size)).items():
            sums[name] = sums[name] + value if name in sums else value
    return {name: value / len(starts) for name, value in sums.items()}


def _step(backend: Backend, epoch: Epoch, batch: Mapping[str, Any]) -> dict[str, Tensor]:
    optimizer: TorchOptimizer = epoch.optimizer
    outputs = epoch.module.forward_train(batch)
    total, metrics = epoch.loss(OPS, outputs, batch, epoch.coeffs)
    if not total.requires_grad:
        raise constant_loss(epoch.module)
    optimizer.zero_grad()
    total.backward()
    norm = optimizer.clip(epoch.clip)
    # One number and Python's test of it: on a tensor the test takes several calls.
    if not math.isfinite((norm + total.detach()).item()):
        gradients = {name: weight.grad for name, weight in optimizer.weights.items() if weight.grad is not None}
        found = {"batch column": batch, "output": outputs, "loss": {"total": total}, "gradient of": gradients}
        raise not_finite(backend, found.items())
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
