"""Plans as numpy networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.numpy_backend.layers import Array, make_layer
from rlmodule_core.plans import PlainContainer, PlainLayer, Plan, escape_key, join_name, lower_plan, walk_weights


def lower(plan: Plan) -> Any:
    """A numpy network for the plan."""
    return lower_plan(plan, make_layer, PlainContainer, framework="numpy")


def named_arrays(network: Any) -> dict[str, Array]:
    """Every array of a network, or among a module's attributes, by name: canonical inside networks."""
    named: dict[str, Array] = {}
    seen: set[int] = set()
    for path, array in walk_weights(network, lambda node: isinstance(node, np.ndarray), _attributes):
        if id(array) not in seen:
            seen.add(id(array))
            named[_name(path)] = array
    return named


def untrained_names(network: Any) -> Iterator[str]:
    """The names, as `named_arrays` has them, of the arrays that no optimizer may change."""
    for path, layer in walk_weights(network, lambda node: isinstance(node, PlainLayer), _attributes):
        yield from (join_name(_name(path), leaf) for leaf in layer.plan.untrained_leaves())


def _name(path: tuple[str, ...]) -> str:
    return join_name(*map(escape_key, path))


def _attributes(node: Any) -> Mapping[str, Any] | None:
    if not isinstance(node, RLModule):
        return None
    # The config describes the module, it holds no weights of it.
    return {key: part for key, part in vars(node).items() if key != "config" and not key.startswith("_")}
