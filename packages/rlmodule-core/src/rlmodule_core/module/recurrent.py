"""One step of a module that carries a recurrent state: the time axis comes and goes, the state is held to its shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlmodule_core.backend.dtypes import batch_array
from rlmodule_core.columns import Columns
from rlmodule_core.errors import RLModuleError, SpecCheckingError, StateError
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.specs.describe import Dims, describe, dims_of
from rlmodule_core.specs.paths import Path, leaf_paths, look_up, show_path

State = Mapping[str, Any]
"""A tree of arrays or tensors: `[...]` for one environment, `[B, ...]` for a batch."""


def initial_state(module: RLModule, rows: int) -> State:
    """The state at an episode's start for each of `rows` environments, as arrays `[rows, ...]` of its own."""
    return _batched(module.get_initial_state(), rows)


def require_state(module: RLModule, state: object, rows: int, *, name: str, error: type[RLModuleError]) -> None:
    """Refuse a state that is not a batch of `rows` of what `get_initial_state()` gives.

    Args:
        module: the module that it is for.
        state: what should be a tree of `[rows, ...]`.
        rows: B.
        name: where the state comes from, for the error text.
        error: what to raise.
    """
    start = module.get_initial_state()
    if _is_batch_of(start, state, rows):
        return
    expected = _batch_dims(start, rows)
    given = {path: dims_of(look_up(state, path)) for path in leaf_paths(state)}
    if given != expected:
        raise error(
            f"{name} of {type(module).__name__} must be a batch of what get_initial_state() gives: expected "
            f"{_shown(expected)}, got {_shown(given) if given else describe(state)}."
        )


def one_step(module: RLModule, inputs: Mapping[str, Any], *, explore: bool) -> dict[str, Any]:
    """What exploration or inference returns for one step of a stateful module.

    Args:
        module: gets `[B, 1, ...]` and `state_in` `[B, ...]`.
        inputs: native columns `[B, ...]`; without `state_in`, every row is at an episode's start.
        explore: True runs `forward_exploration`, False `forward_inference`.

    Returns:
        The outputs `[B, ...]` and `state_out`, native too.

    Raises:
        StateError: `state_in` does not fit the module.
        SpecCheckingError: the module returned no sequences, or another `state_out`.
    """
    columns = {name: _with_time(name, column) for name, column in inputs.items() if name != Columns.STATE_IN}
    sizes = (dims_of(look_up(columns, path)) for path in leaf_paths(columns))
    rows = next((size[0] for size in sizes if isinstance(size, tuple) and size[0] is not None), 1)
    if Columns.STATE_IN in inputs:
        state = inputs[Columns.STATE_IN]
        require_state(module, state, rows, name="state_in", error=StateError)
    else:
        state = module.backend.batch(None, initial_state(module, rows), like=module)
    forward = module.forward_exploration if explore else module.forward_inference
    output = forward({**columns, Columns.STATE_IN: state})
    return _last_step(module, output, rows)


def _last_step(module: RLModule, output: Mapping[str, Any], rows: int) -> dict[str, Any]:
    name = type(module).__name__
    if Columns.ACTION_DIST in output:
        raise SpecCheckingError(
            f"{name} carries a recurrent state, so its distributions have a time axis, which cannot be taken off an "
            "'action_dist' object. Return its parameters as 'action_dist_inputs' instead."
        )
    if Columns.STATE_OUT not in output:
        raise SpecCheckingError(
            f"{name} carries a recurrent state, so that it must return the one after the step as 'state_out'; it "
            f"returned {sorted(output)}."
        )
    state = output[Columns.STATE_OUT]
    require_state(module, state, rows, name="state_out", error=SpecCheckingError)
    sequences = {key: value for key, value in output.items() if key != Columns.STATE_OUT}
    return {**_without_time(module, sequences, rows), Columns.STATE_OUT: state}


def _batched(state: Mapping[str, Any], rows: int) -> dict[str, Any]:
    return {
        key: _batched(leaf, rows)
        if isinstance(leaf, Mapping)
        else np.repeat(batch_array(None, leaf)[None], rows, axis=0)
        for key, leaf in state.items()
    }


def _with_time(name: str, column: Any) -> Any:
    if isinstance(column, Mapping):
        return {key: _with_time(f"{name}.{key}", part) for key, part in column.items()}
    if not dims_of(column):
        raise SpecCheckingError(f"The column {name!r} must have a batch axis, [B, ...], got {describe(column)}.")
    return column[:, None]


def _without_time(module: RLModule, outputs: Mapping[str, Any], rows: int, *, at: str = "") -> dict[str, Any]:
    step = dict(outputs)
    for key, value in outputs.items():
        if isinstance(value, Mapping):
            step[key] = _without_time(module, value, rows, at=f"{at}{key}.")
        elif isinstance(value, module.backend.ops.tensor_type):
            dims = dims_of(value)
            if not isinstance(dims, tuple) or dims[:2] != (rows, 1):
                raise SpecCheckingError(
                    f"{type(module).__name__} carries a recurrent state, so that it must return sequences [B, T, ...]: "
                    f"expected '{at}{key}' of shape ({rows}, 1, ...), got {describe(value)}."
                )
            step[key] = step[key][:, 0]
    return step


def _is_batch_of(start: Any, state: Any, rows: int) -> bool:
    """Whether the state is plainly of the right form: asked twice a step, so that it makes nothing."""
    if isinstance(start, Mapping):
        return (
            type(state) is dict
            and start.keys() == state.keys()
            and all(_is_batch_of(part, state[key], rows) for key, part in start.items())
        )
    return getattr(state, "shape", None) == (rows, *np.shape(start))


def _batch_dims(state: Mapping[str, Any], rows: int) -> dict[Path, Dims | None]:
    """The sizes that `_batched` gives."""
    leaves: dict[Path, Any] = {path: look_up(state, path) for path in leaf_paths(state)}
    return {path: None if isinstance(leaf, Mapping) else (rows, *np.shape(leaf)) for path, leaf in leaves.items()}


def _shown(leaves: Mapping[Path, Dims | None]) -> str:
    return "{" + ", ".join(f"{show_path(path)}: {dims}" for path, dims in leaves.items()) + "}"
