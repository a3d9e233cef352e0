"""Every kind of record with inputs for it, and what it means that frameworks agree on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from rlmodule_core import get_backend
from rlmodule_core.plans import (
    ACTIVATIONS,
    GRU,
    LSTM,
    Activation,
    Attend,
    Cast,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    FreeParameter,
    LayerNorm,
    MultiOneHot,
    Normalise,
    OneHot,
    Record,
    Scale,
    Transpose,
)
from rlmodule_core.testing.compare import leaves, require, require_close, require_equal
from rlmodule_core.testing.random_weights import random_like

ROWS, STEPS = 3, 4
# With small numbers an epsilon shows that is not the record's, with large ones what overflows.
SCALES = (1e-3, 1.0, 300.0)


def normal(*shape: int) -> Any:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def counts(low: Any, high: Any, *shape: int) -> Any:
    return np.random.default_rng(0).integers(low, high, (*shape, *np.shape(low)))


def memory(size: int, *parts: str) -> dict[str, Any]:
    return {part: np.random.default_rng(len(part) + ord(part)).normal(size=(ROWS, size)) for part in parts}


CASES: dict[str, tuple[Record, Any]] = {
    "dense": (Dense(5, 5), normal(ROWS, 5)),
    "dense over steps": (Dense(5, 3), normal(ROWS, STEPS, 5)),
    "dense without bias": (Dense(5, 5, bias=False), normal(ROWS, 5)),
    **{name: (Activation(name), normal(ROWS, 20)) for name in ACTIVATIONS},
    "layer norm": (LayerNorm(5), normal(ROWS, 5)),
    "layer norm with an epsilon of its own": (LayerNorm(5, eps=1e-3), normal(ROWS, STEPS, 5)),
    "layer norm of images": (LayerNorm(2, axes=3), normal(ROWS, 4, 5, 2)),
    "one-hot": (OneHot(4, start=-1), counts(-1, 3, ROWS)),
    "several one-hots": (MultiOneHot((2, 3, 1), (0, -1, 4)), counts([0, -1, 4], [2, 2, 5], ROWS)),
    "cast": (Cast(), counts(0, 200, ROWS, 2).astype(np.uint8)),
    "scale": (Scale(255.0), counts(0, 256, ROWS, 2).astype(np.uint8)),
    "free parameter": (FreeParameter(3), normal(ROWS, STEPS, 2)),
    "convolution": (Conv2D(2, 2, (2, 3), (1, 2)), normal(ROWS, 5, 6, 2)),
    "uneven padding": (Conv2D(2, 3, (3, 2), (2, 1), padding=(0, 1, 1, 2)), normal(ROWS, STEPS, 6, 5, 2)),
    "convolution without bias": (Conv2D(1, 2, (3, 3), padding=(1, 1, 1, 1), bias=False), normal(ROWS, 3, 3, 1)),
    "flatten": (Flatten(2), normal(ROWS, STEPS, 2, 3)),
    "transpose": (Transpose((2, 0, 1)), normal(ROWS, STEPS, 2, 3, 4)),
    "concat": (Concat(), [normal(ROWS, 2), normal(ROWS, 3)]),
    "concat steps": (Concat(1), [normal(ROWS, 2, 3), normal(ROWS, 1, 3)]),
    "lstm": (LSTM(4, 4), (normal(ROWS, STEPS, 4), memory(4, "h", "c"))),
    "lstm without bias": (LSTM(3, 4, bias=False), (normal(ROWS, 1, 3), memory(4, "h", "c"))),
    "gru": (GRU(4, 4), (normal(ROWS, STEPS, 4), memory(4, "h"))),
    # More than are written out one by one.
    "gru over many steps": (GRU(4, 4), (normal(ROWS, 70, 4), memory(4, "h"))),
    "gru without bias": (GRU(3, 4, bias=False), (normal(ROWS, 1, 3), memory(4, "h"))),
    "attend": (
        Attend(2, 2, 2),
        (normal(ROWS, STEPS, 4), normal(ROWS, 2 + STEPS, 4), normal(ROWS, 2 + STEPS, 4)[..., ::-1], np.arange(ROWS)),
    ),
    "normalise": (Normalise(3, eps=0.1, clip=0.7), normal(ROWS, 3)),
}


def scaled(value: Any, by: float) -> Any:
    """Every float of a tree by so much."""
    if isinstance(value, dict):
        return {key: scaled(part, by) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(scaled(part, by) for part in value)
    return (value * by).astype(np.float32) if np.issubdtype(value.dtype, np.floating) else value


def native(backend: Any, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(native(backend, part) for part in value)
    return backend.batch(None, value)


def outputs(framework: str, record: Record, inputs: Any) -> dict[str, Any]:
    backend = get_backend(framework)
    network = backend.lower(record)
    backend.set_weights(network, random_like(backend.get_weights(network), 1))
    found = network(native(backend, inputs))
    parts = dict(enumerate(found)) if isinstance(found, tuple) else found
    return dict(leaves(backend.to_numpy(parts), "outputs"))


def require_record_agrees(record: Record, inputs: Any, scale: float, frameworks: Iterable[str]) -> None:
    """Fail unless the layer is in each framework what it is in numpy, for these inputs times `scale`."""
    expected = outputs("numpy", record, scaled(inputs, scale))
    for framework in frameworks:
        found = outputs(framework, record, scaled(inputs, scale))
        require_equal(sorted(found), sorted(expected), f"the outputs of {record} in {framework}")
        for path, array in expected.items():
            what = f"{path} of {record} in {framework}"
            require(np.isfinite(array).all(), f"{what} is not finite")
            require_close(found[path], array, what)
