"""A container's state, held to its form: what modules share can only have one value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core import RLModule, StateError
from rlmodule_core.plans import escape_key, join_name

State = Mapping[str, Mapping[str, NDArray[np.generic]]]
"""`{module id: {name: array}}`."""


def check_state(state: object) -> None:
    """Refuse what is no mapping of mappings.

    Raises:
        StateError: as said; names the part.
    """
    if isinstance(state, Mapping):
        wrong = [f"{key!r} has a {type(part).__name__}" for key, part in state.items() if not isinstance(part, Mapping)]
    else:
        wrong = [f"this is a {type(state).__name__}"]
    if wrong:
        raise StateError(
            f"A container's state is a dict of weights by module id and name, but {', '.join(wrong)} (nothing was "
            "changed). Pass what get_state() returned; weights of one module go into container['red'].set_state()."
        )


def require_one_value_each(modules: Mapping[str, RLModule], state: State) -> None:
    """Refuse a state that names one weight twice, with two values.

    Args:
        modules: at least those that the state names.
        state: the weights to be set.

    Raises:
        StateError: weights differ that these modules share; names them.
    """
    faults = [*_one_module(modules, state), *_one_tensor(modules, state)]
    if faults:
        listed = "\n  ".join(faults)
        raise StateError(
            f"The state gives different values for what the modules share (nothing was changed):\n  {listed}\n"
            "Take the weights of only one of them, or of modules that shared the same."
        )


def _one_module(modules: Mapping[str, RLModule], state: State) -> Iterator[str]:
    owners = _owners(modules, state)
    for module_id, weights in state.items():
        first = state[owners[module_id]]
        if any(name in first and _differ(first[name], array) for name, array in weights.items()):
            yield f"{module_id!r} and {owners[module_id]!r} are one module"


def _one_tensor(modules: Mapping[str, RLModule], state: State) -> Iterator[str]:
    distinct = {module_id: modules[module_id] for module_id in dict.fromkeys(_owners(modules, state).values())}
    given = {
        join_name(escape_key(module_id), str(name)): array
        for module_id in distinct
        for name, array in state[module_id].items()
    }
    for alias, first in _shared(distinct).items():
        if alias in given and first in given and _differ(given[first], given[alias]):
            yield f"{alias} and {first} are one tensor"


def _owners(modules: Mapping[str, RLModule], state: State) -> dict[str, str]:
    """For each id in the state the first one there that has the same module."""
    first: dict[int, str] = {}
    return {module_id: first.setdefault(id(modules[module_id]), module_id) for module_id in state}


def _shared(modules: Mapping[str, RLModule]) -> Mapping[str, str]:
    # The modules of a container are all of one framework.
    backend = next((module.backend for module in modules.values()), None)
    return {} if backend is None or len(modules) < 2 else backend.shared_tensors(modules)


def _differ(one: Any, other: Any) -> bool:
    # A shape that does not fit has an error of its own; NaN is no difference.
    return np.shape(one) == np.shape(other) and not np.all((one == other) | ((one != one) & (other != other)))
