"""Sequences for what remembers: legal states to start from, and the same sequence taken in single steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rlmodule_core.columns import Columns
from rlmodule_core.plans import Plan, weight_shapes
from rlmodule_core.spaces import map_leaves
from rlmodule_core.testing.compare import Array
from rlmodule_core.testing.random_weights import random_like
from rlmodule_core.testing.reference import reference

STEPS = 3
"""The length of sequences in the exams."""

Run = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def step_by_step(run: Run, columns: Mapping[str, Any], join: Callable[[Sequence[Any]], Any]) -> dict[str, Any]:
    """What `run` gives for sequences that it is fed one step at a time, each with the state that the last one left.

    Args:
        run: a forward or a network: columns with `state_in` to outputs with `state_out`.
        columns: `[B, T, ...]` by name, and `state_in`.
        join: puts tensors `[B, 1, ...]` behind each other.
    """
    sequences = {name: column for name, column in columns.items() if name != Columns.STATE_IN}
    state, outputs = columns[Columns.STATE_IN], []
    for t in range(steps_of(columns)):
        step = map_leaves(lambda column, t=t: column[:, t : t + 1], sequences)
        output = dict(run({**step, Columns.STATE_IN: state}))
        state = output.pop(Columns.STATE_OUT)
        outputs.append(output)
    return {**map_leaves(lambda *parts: join(parts), *outputs), Columns.STATE_OUT: state}


def steps_of(columns: Mapping[str, Any]) -> int:
    """T of columns `[B, T, ...]`."""
    obs = columns[Columns.OBS]
    while isinstance(obs, Mapping):
        obs = next(iter(obs.values()))
    return int(obs.shape[1])


def warm_state(plan: Plan, columns: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """A state `[rows, ...]` that random networks of the plan leave after these sequences; that of row 0 is fresh."""
    start = fresh_state(plan.state_shapes(), rows)
    weights = random_like({name: np.empty(shape) for name, shape in weight_shapes(plan).items()}, 2)
    state = reference(plan, weights)({**columns, Columns.STATE_IN: start})[Columns.STATE_OUT]
    return without_first_row(state, start)


def fresh_state(shapes: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """The state `[rows, ...]` at an episode's start, of these shapes."""
    return {
        key: fresh_state(dims, rows) if isinstance(dims, Mapping) else np.zeros((rows, *dims), np.float32)
        for key, dims in shapes.items()
    }


def without_first_row(state: Any, start: Any) -> dict[str, Any]:
    """The state, but that of `start` in row 0."""

    def mixed(now: Array, before: Array) -> Array:
        first = np.arange(len(before)).reshape(-1, *[1] * (before.ndim - 1)) == 0
        return np.where(first, before, now).astype(np.float32)

    found: dict[str, Any] = map_leaves(mixed, state, start)
    return found
