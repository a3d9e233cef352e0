"""The canonical names, shapes and first values of a plan's weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.errors import StateError
from rlmodule_core.plans.composite import Composite
from rlmodule_core.plans.record import Dims, Plan, Record

Weights = dict[str, NDArray[np.generic]]
"""Canonical name to array: the flat state of a network or a module."""

_REAL = "biuf"
"""The kinds of numpy dtypes that weights may have."""


def escape_key(key: str) -> str:
    """Percent-escape the two characters that would break a dotted name."""
    return key.replace("%", "%25").replace(".", "%2E")


def join_name(*parts: str) -> str:
    """The dotted name of nested keys; empty parts (transparent composites) vanish."""
    return ".".join(part for part in parts if part)


def walk_records(plan: Plan, prefix: str = "") -> Iterator[tuple[str, Record]]:
    """Each record of the tree with its canonical name, depth first."""
    if isinstance(plan, Record):
        yield prefix, plan
    elif isinstance(plan, Composite):
        for key, child in plan.children().items():
            yield from walk_records(child, join_name(prefix, escape_key(key)))


def weight_shapes(plan: Plan) -> dict[str, Dims]:
    """The shape of every weight by canonical name, such as `{"0.weight": (8, 4), "0.bias": (8,)}`."""
    return {
        join_name(name, leaf): shape
        for name, record in walk_records(plan)
        for leaf, shape in record.weight_shapes().items()
    }


def initial_weights(plan: Plan, rng: np.random.Generator) -> Weights:
    """Fresh weights by canonical name: the same in every backend for the same `rng`."""
    return {
        join_name(name, leaf): array
        for name, record in walk_records(plan)
        for leaf, array in record.initial_weights(rng).items()
    }


def match_weights(expected: Mapping[str, Dims], given: Mapping[str, NDArray[np.generic]], *, where: str) -> None:
    """Refuse weights that do not fit, naming everything that is wrong at once.

    Raises:
        StateError: names are missing or unexpected, or arrays have another shape or hold no real numbers.
    """
    if not isinstance(given, Mapping):
        raise StateError(f"The weights of {where} must be arrays by name, got a {type(given).__name__}.")
    faults = [f"missing: {name} {shape}" for name, shape in expected.items() if name not in given]
    faults += [f"unexpected: {name} {np.shape(given[name])}" for name in given if name not in expected]
    faults += [
        f"mis-shaped: {name} expected {shape}, got {np.shape(given[name])}"
        for name, shape in expected.items()
        if name in given and np.shape(given[name]) != tuple(shape)
    ]
    faults += [
        f"no real numbers: {name}, {kind}"
        for name, kind in ((name, np.asarray(given[name]).dtype) for name in expected if name in given)
        if kind.kind not in _REAL
    ]
    if faults:
        listed = "\n  ".join(faults)
        raise StateError(
            f"The weights do not fit {where} (nothing was changed):\n  {listed}\n"
            "Build the module with the spaces and model settings that these weights were saved from."
        )
