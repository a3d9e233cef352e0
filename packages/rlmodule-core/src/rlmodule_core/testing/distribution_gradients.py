"""Gradients of distributions with respect to their inputs, against the closed form by central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rlmodule_core.backend import TrainingBackend
from rlmodule_core.columns import Columns
from rlmodule_core.plans import Chain, Dense
from rlmodule_core.testing.compare import Array
from rlmodule_core.testing.network_module import gradients, network_module

_STEP = 1e-5


def input_gradients(backend: TrainingBackend, inputs: Array, function: Callable[[Any], Any]) -> Array:
    """The gradient `[B, d]` of the sum of `function(tensor)` over inputs `[B, d]`, as the backend takes it."""
    rows, width = inputs.shape
    module = network_module(backend, Chain((Dense(rows, width, bias=False),)))
    # Over the rows of the identity, the weights are the outputs.
    backend.set_weights(module, {"net.0.weight": inputs.T})

    def loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        # The second term, because a function that stops gradients would leave nothing to differentiate.
        return ops.sum(function(outputs["out"])) + 0.0 * ops.sum(outputs["out"]), {}

    found = gradients(backend, module, loss, {Columns.OBS: np.eye(rows, dtype=np.float32)})
    return found["net.0.weight"].T


def differenced_gradients(inputs: Array, function: Callable[[Array], Array]) -> Array:
    """The same by central differences, without a backend, for a function whose rows are independent."""
    exact = inputs.astype(np.float64)
    gradient = np.zeros_like(exact)
    for column in range(exact.shape[1]):
        step = np.zeros_like(exact)
        step[:, column] = _STEP
        gradient[:, column] = (function(exact + step) - function(exact - step)) / (2 * _STEP)
    return gradient
