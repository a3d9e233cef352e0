"""What users build modules of with a framework's own layers, in each of the frameworks that train here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from rlmodule_core import RLModule, get_backend, plugins

TRAINING = [name for name in ("torch", "tf2") if name in plugins.names(plugins.BACKENDS)]
"""Those that train, and are installed."""

EACH_TRAINING = pytest.mark.parametrize("framework", TRAINING)
EACH_FRAMEWORK = pytest.mark.parametrize("framework", ["numpy", *TRAINING])

KERNEL = {"torch": "weight", "tf2": "kernel"}
"""What the weights of a `dense` layer are called beside its bias."""


def base(framework: str) -> type[RLModule]:
    """What users derive modules from: TorchRLModule or TfRLModule."""
    found: type[RLModule] = get_backend(framework).module_base
    return found


def ppo_base(framework: str) -> Any:
    """The standard module that users derive their own from."""
    name = {"torch": "PPOTorchRLModule", "tf2": "PPOTfRLModule"}[framework]
    return getattr(import_module("rlmodule_algorithms"), name)


def dense(framework: str, inputs: int, outputs: int) -> Any:
    """A layer `[B, inputs]` to `[B, outputs]`; that of Keras has no weights before it is called."""
    if framework == "torch":
        return import_module("torch.nn").Linear(inputs, outputs)
    # Keras takes no integers of numpy, such as the `n` of a Discrete.
    return import_module("keras").layers.Dense(int(outputs))


def built_dense(framework: str, inputs: int, outputs: int) -> Any:
    """A layer that has its weights."""
    layer = dense(framework, inputs, outputs)
    if framework == "tf2":
        layer.build((None, inputs))
    return layer


def tanh(framework: str) -> Any:
    """A layer without weights."""
    if framework == "torch":
        return import_module("torch.nn").Tanh()
    return import_module("keras").layers.Activation("tanh")


def dropout(framework: str, rate: float) -> Any:
    """A layer that differs in training."""
    return import_module("torch.nn" if framework == "torch" else "keras.layers").Dropout(rate)


def batch_normalization(framework: str, width: int) -> Any:
    """A layer that differs in training, and keeps statistics."""
    if framework == "torch":
        return import_module("torch.nn").BatchNorm1d(width)
    return import_module("keras").layers.BatchNormalization()


def in_turn(framework: str, *layers: Any) -> Any:
    """The layers one after the other."""
    if framework == "torch":
        return import_module("torch.nn").Sequential(*layers)
    return import_module("keras").Sequential(list(layers))


def lstm(framework: str, inputs: int, size: int) -> Any:
    """A layer over sequences, for `run_lstm`."""
    if framework == "torch":
        return import_module("torch.nn").LSTM(inputs, size, batch_first=True)
    return import_module("keras").layers.LSTM(size, return_sequences=True, return_state=True)


def run_lstm(layer: Any, x: Any, h: Any, c: Any) -> tuple[Any, Any, Any]:
    """From `[B, T, inputs]` and states `[B, size]` to `[B, T, size]` and the states after."""
    if type(layer).__module__.startswith("torch"):
        latents, (h, c) = layer(x, (h[None], c[None]))
        return latents, h[0], c[0]
    found: tuple[Any, Any, Any] = layer(x, initial_state=[h, c])
    return found


def weight(framework: str, size: int) -> Any:
    """A trained weight without a layer, `[size]`, of zeros."""
    if framework == "torch":
        torch = import_module("torch")
        return torch.nn.Parameter(torch.zeros(size))
    return import_module("tensorflow").Variable(np.zeros(size, np.float32))


def gradients(framework: str, run: Callable[[], Any], weights: Sequence[Any]) -> list[Any]:
    """Those of what `run` returns, with respect to native weights, in numpy; None where it does not depend on one."""
    if framework == "torch":
        found = import_module("torch").autograd.grad(run(), weights, allow_unused=True)
    else:
        with import_module("tensorflow").GradientTape() as tape:
            total = run()
        found = tape.gradient(total, weights)
    return [None if gradient is None else gradient.numpy() for gradient in found]


def note(framework: str, seen: list[Any], *tensors: Any) -> None:
    """Append the tensors in numpy to `seen`, each time that what is traced runs, too."""
    if framework == "torch":
        seen.append(tuple(tensor.detach().numpy() for tensor in tensors))
        return

    def append(*arrays: Any) -> Any:
        seen.append(arrays)
        return []

    import_module("tensorflow").numpy_function(append, tensors, [])


def tensor(framework: str, array: Any) -> Any:
    """The array as a native tensor, in its own dtype."""
    backend: Any = get_backend(framework)
    return np.asarray(array) if framework == "numpy" else backend.tensor_of(np.asarray(array), like=None)


def leaf(framework: str, array: Any) -> Any:
    """What `gradients` can be taken with respect to; add 0 to get a tensor of it."""
    if framework == "torch":
        return import_module("torch").tensor(array, requires_grad=True)
    return import_module("tensorflow").Variable(array)
