"""Plans as numpy networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
    return lower_plan(plan, Layer, Container)


def named_arrays(node: Any, name: str = "") -> Iterator[tuple[str, Array]]:
    """Every array of a network, or of the networks among an object's attributes, by canonical name."""
    if isinstance(node, Layer):
        for leaf, array in node.weights.items():
            yield join_name(name, leaf), array
    elif isinstance(node, Container):
        for key, child in node.children.items():
            yield from named_arrays(child, join_name(name, escape_key(key)))
    else:
        for attribute, value in vars(node).items():
            if isinstance(value, Layer | Container):
                yield from named_arrays(value, join_name(name, attribute))
