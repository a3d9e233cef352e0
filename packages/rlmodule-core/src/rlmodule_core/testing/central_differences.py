"""Gradients without differentiating: from the float64 reference, by central differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rlmodule_core.backend import TrainingBackend
from rlmodule_core.columns import Columns
from rlmodule_core.plans import Chain, Plan
from rlmodule_core.testing.compare import Array, leaves, require_close
from rlmodule_core.testing.network_module import gradients, network_module
from rlmodule_core.testing.random_weights import random_like
from rlmodule_core.testing.reference import reference

_STEP = 1e-5


def require_gradients(backend: TrainingBackend, plan: Plan, obs: Array, what: str) -> None:
    """Fail unless the backend's gradients of a random quadratic loss are those of central differences.

    Args:
        backend: the examinee.
        plan: of a network over observations.
        obs: a batch `[B, ...]`.
        what: names the network in the failure.
    """
    module = network_module(backend, plan)
    weights = random_like(backend.get_weights(module.net), 1)
    backend.set_weights(module.net, weights)
    exact = {name: np.asarray(array, np.float64) for name, array in weights.items()}
    network = reference(plan, exact)
    inputs = obs if isinstance(plan, Chain) else {Columns.OBS: obs}
    mixture = _mixture(dict(leaves(network(inputs))))

    def scalar() -> float:
        return sum(float(np.mean(np.square(leaf) * mixture[path])) for path, leaf in leaves(network(inputs)))

    found = gradients(backend, module, _quadratic, {Columns.OBS: obs, "mixture": mixture})
    for name, array in exact.items():
        require_close(found[f"net.{name}"], _central_difference(scalar, array), f"{what}: the gradient of {name!r}")


def _mixture(outputs: Mapping[str, Array]) -> dict[str, Array]:
    rng = np.random.default_rng(5)
    # Small, so that gradients stay near 1 and the tolerance means something.
    return {path: (0.3 * rng.normal(size=out.shape)).astype(np.float32) for path, out in outputs.items()}


def _quadratic(ops: Any, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Any) -> Any:
    terms = [ops.mean(ops.square(leaf) * batch["mixture"][path]) for path, leaf in leaves(outputs["out"])]
    return sum(terms[1:], terms[0]), {}


def _central_difference(function: Callable[[], float], array: Array) -> Array:
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + _STEP
        above = function()
        array[index] = kept - _STEP
        gradient[index] = (above - function()) / (2 * _STEP)
        array[index] = kept
    return gradient
