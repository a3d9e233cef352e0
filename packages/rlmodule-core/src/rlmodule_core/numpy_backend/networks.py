"""Plans as numpy networks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.numpy_backend.layers import Array, Layer
from rlmodule_core.plans import Composite, Plan, escape_key, join_name, lower_plan


class Container:
    """A lowered composite: holds the children and calls the composite's route."""

    def __init__(self, plan: Composite, children: dict[str, Any]) -> None:
        self.plan = plan
        self.children = children

    def __call__(self, inputs: Any) -> Any:
        return self.plan.route(self.children, inputs)

    def run_child(self, key: str, inputs: Any) -> Any:
        """Run one child alone."""
        return self.children[key](inputs)


def lower(plan: Plan) -> Any:
    """A numpy network for the plan."""
    return lower_plan(plan, Layer, Container, framework="numpy")


def named_arrays(node: Any, name: str = "") -> Iterator[tuple[str, Array]]:
    """Every array of a network, or among a module's attributes, by name: canonical inside networks."""
    if isinstance(node, Layer):
        node = node.weights
    if isinstance(node, np.ndarray):
        yield name, node
        return
    for key, child in _children(node):
        yield from named_arrays(child, join_name(name, escape_key(key)))


def untrained_names(node: Any, name: str = "") -> Iterator[str]:
    """The names, as `named_arrays` has them, of the arrays that no optimizer may change."""
    if isinstance(node, Layer):
        yield from (join_name(name, leaf) for leaf in node.plan.untrained_leaves())
        return
    for key, child in _children(node):
        yield from untrained_names(child, join_name(name, escape_key(key)))


def _children(node: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(node, Container):
        return node.children.items()
    if isinstance(node, Mapping):
        return ((str(key), child) for key, child in node.items())
    if isinstance(node, list | tuple):
        return ((str(index), child) for index, child in enumerate(node))
    if isinstance(node, RLModule):
        # The config describes the module, it holds no weights of it.
        return ((key, child) for key, child in vars(node).items() if key != "config" and not key.startswith("_"))
    return ()
