"""Gradients without differentiating: from the float64 reference, by central differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rlmodule_core.backend import TrainingBackend
from rlmodule_core.columns import Columns
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.plans import Chain, Plan
from rlmodule_core.testing.compare import Array, leaves, require_close, require_same
from rlmodule_core.testing.network_module import gradients, network_module
from rlmodule_core.testing.random_weights import random_like
from rlmodule_core.testing.reference import reference

_STEP = 1e-7
"""So short that hardly any kink of a relu lies within; in float64 rounding still stays far below the tolerance."""

_PROBED = 25
"""How many numbers of one weight are looked at, where it has more."""


def require_gradients(backend: TrainingBackend, plan: Plan, inputs: Any, what: str) -> None:
    """Fail unless the backend's gradients of a random quadratic loss are those of central differences.

    Args:
        backend: the examinee.
        plan: of a network.
        inputs: what it is called with, in numpy: a batch `[B, ...]` for a Chain, else columns by name.
        what: names the network in the failure.
    """
    module = network_module(backend, plan)
    backend.set_weights(module, random_like(backend.get_weights(module), 1))
    exact = _exact(backend.get_weights(module))
    network = reference(plan, exact, "net")
    columns = {Columns.OBS: inputs} if isinstance(plan, Chain) else inputs
    _require_gradients(backend, module, exact, lambda: {"out": network(inputs)}, columns, what)


def require_module_gradients(backend: TrainingBackend, module: RLModule, columns: Mapping[str, Any]) -> None:
    """Fail unless the gradients through a portable module's `forward_train` are those of central differences.

    Args:
        backend: the module's.
        module: the examinee.
        columns: a batch `[B, ...]` for it, in numpy.
    """
    plans, exact = module.frozen_plans(), _exact(backend.get_weights(module))
    encoder, pi, vf = (reference(getattr(plans, part), exact, part) for part in ("encoder", "pi", "vf"))

    def outputs() -> dict[str, Any]:
        encoded = dict(encoder(columns))
        latents = encoded.pop(Columns.ENCODER_OUT)
        values = vf(latents[Columns.CRITIC])[..., 0]
        return {Columns.ACTION_DIST_INPUTS: pi(latents[Columns.ACTOR]), Columns.VF_PREDS: values, **encoded}

    _require_gradients(backend, module, exact, outputs, columns, f"forward_train of {type(module).__name__}")


def _require_gradients(
    backend: TrainingBackend,
    module: Any,
    exact: Mapping[str, Array],
    outputs: Callable[[], Mapping[str, Any]],
    columns: Mapping[str, Any],
    what: str,
) -> None:
    mixture = random_mixture(dict(leaves(outputs())))

    def scalar() -> float:
        return sum(float(np.mean(np.square(leaf) * mixture[path])) for path, leaf in leaves(outputs()))

    found = gradients(backend, module, quadratic_loss, {**columns, "mixture": mixture})
    for name, array in exact.items():
        if name in backend.untrained_weights(module):
            require_same(found[name], np.zeros_like(found[name]), f"{what}: the gradient of {name!r}, which none has")
            continue
        probed = np.random.default_rng(0).permutation(array.size)[:_PROBED]
        expected = [_central_difference(scalar, array, index) for index in probed]
        require_close(found[name].reshape(-1)[probed], expected, f"{what}: the gradient of {name!r}")


def _exact(weights: Mapping[str, Array]) -> dict[str, Array]:
    return {name: np.array(array, np.float64) for name, array in weights.items()}


def random_mixture(outputs: Mapping[str, Array]) -> dict[str, Array]:
    """How much each number of the outputs counts in `quadratic_loss`, whose batch has it as the column "mixture"."""
    rng = np.random.default_rng(5)
    # Small, so that gradients stay near 1 and the tolerance means something.
    return {path: (0.3 * rng.normal(size=out.shape)).astype(np.float32) for path, out in outputs.items()}


def quadratic_loss(ops: Any, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Any) -> Any:
    """Depends on every number of the outputs, and on none as on another."""
    terms = [ops.mean(ops.square(leaf) * batch["mixture"][path]) for path, leaf in leaves(outputs)]
    return sum(terms[1:], terms[0]), {}


def _central_difference(function: Callable[[], float], array: Array, index: int) -> float:
    flat = array.reshape(-1)
    kept = flat[index]
    flat[index] = kept + _STEP
    above = function()
    flat[index] = kept - _STEP
    below = function()
    flat[index] = kept
    return (above - below) / (2 * _STEP)
