"""Gradients as each framework takes them by itself, without an optimizer and without a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rlmodule_core import RLModule
from rlmodule_core.backend import Loss
from rlmodule_core.testing.compare import Array

Differentiated = tuple[Any, dict[str, Any], Sequence[Any]]
"""A loss, its metrics and the gradients."""


def loss_and_gradients(
    module: RLModule, loss: Loss, columns: Mapping[str, Any], coeffs: Mapping[str, float]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """The loss as "total", with its metrics, and the gradient for each trained weight by name, in numpy.

    Weights that the loss does not depend on are left out.
    """
    backend: Any = module.backend
    batch = backend.batch(None, columns, like=module)
    weights = {name: weight for name, weight in backend.named_weights(module).items() if backend.is_trained(weight)}

    def run() -> tuple[Any, dict[str, Any]]:
        return loss(backend.ops, module.forward_train(batch), batch, coeffs)

    total, metrics, found = _DIFFERENTIATE[backend.name](run, list(weights.values()))
    pairs = zip(weights, found, strict=True)
    gradients = {name: backend.to_numpy(gradient) for name, gradient in pairs if gradient is not None}
    return backend.to_numpy({"total": total, **metrics}), gradients


def input_gradients(
    backend: Any, function: Callable[[Mapping[str, Any]], Any], inputs: Mapping[str, Array]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """As `loss_and_gradients`, with respect to the arrays that are given to `function(tensors) -> loss, metrics`."""
    tensors = _INPUTS[backend.name](inputs)
    total, metrics, found = _DIFFERENTIATE[backend.name](lambda: function(tensors), list(tensors.values()))
    gradients = {name: backend.to_numpy(gradient) for name, gradient in zip(tensors, found, strict=True)}
    return backend.to_numpy({"total": total, **metrics}), gradients


def _by_torch(run: Callable[[], Any], weights: Sequence[Any]) -> Differentiated:
    import torch

    total, metrics = run()
    return total, metrics, torch.autograd.grad(total, weights, allow_unused=True)


def _by_tensorflow(run: Callable[[], Any], weights: Sequence[Any]) -> Differentiated:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(weights)
        total, metrics = run()
    gradients = tape.gradient(total, weights)
    return total, metrics, [None if each is None else tf.convert_to_tensor(each) for each in gradients]


def _torch_inputs(inputs: Mapping[str, Array]) -> dict[str, Any]:
    import torch

    return {name: torch.tensor(array, requires_grad=True) for name, array in inputs.items()}


def _tensorflow_inputs(inputs: Mapping[str, Array]) -> dict[str, Any]:
    import tensorflow as tf

    return {name: tf.constant(array) for name, array in inputs.items()}


_DIFFERENTIATE = {"torch": _by_torch, "tf2": _by_tensorflow}
_INPUTS = {"torch": _torch_inputs, "tf2": _tensorflow_inputs}
