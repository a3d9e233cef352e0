"""The oracle in float64: a module's forward by the formulas of its records, and gradients by central differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from ppo_batches import loss_of

from rlmodule_core import RLModule
from rlmodule_core.spaces import map_leaves
from rlmodule_core.testing.compare import Array
from rlmodule_core.testing.reference import reference

_STEP = 1e-6


def in_double(columns: Any) -> Any:
    """Every float of a tree in float64."""
    return map_leaves(lambda leaf: leaf.astype(np.float64) if np.issubdtype(leaf.dtype, np.floating) else leaf, columns)


def exact_loss(
    module: RLModule, columns: Mapping[str, Any], coeffs: Mapping[str, float]
) -> tuple[Callable[[], dict[str, Any]], dict[str, Array]]:
    """The PPO loss as "total", with its metrics, as a function of weights in float64 that may be changed in place."""
    weights = {name: array.astype(np.float64) for name, array in module.get_state().items()}
    oracle: Any = module.to_framework("numpy")
    plans = oracle.frozen_plans()
    oracle.encoder, oracle.pi, oracle.vf = (
        reference(getattr(plans, part), weights, part) for part in ("encoder", "pi", "vf")
    )
    loss, batch = loss_of(oracle), in_double(columns)

    def run() -> dict[str, Any]:
        # Without the checks, which ask for float32.
        total, metrics = loss(oracle.backend.ops, oracle._forward_train(batch), batch, coeffs)
        return {"total": total, **metrics}

    return run, weights


def central_differences(
    function: Callable[[], float], array: Array, *, probes: int | None = None
) -> tuple[Array, Array]:
    """Some indices into the flattened array, by default all, and the derivatives with respect to what is there."""
    flat = array.reshape(-1)
    indices = np.random.default_rng(0).permutation(flat.size)[:probes]
    found = []
    for index in indices:
        kept = flat[index]
        flat[index] = kept + _STEP
        above = function()
        flat[index] = kept - _STEP
        found.append((above - function()) / (2 * _STEP))
        flat[index] = kept
    return indices, np.array(found)
