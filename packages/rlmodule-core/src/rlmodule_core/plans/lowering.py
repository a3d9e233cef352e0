"""How a backend turns a plan into native networks: the walk is the same for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from rlmodule_core.errors import PluginError
from rlmodule_core.plans.composite import Composite
from rlmodule_core.plans.initial_rng import initial_rng
from rlmodule_core.plans.native import Checked, Native, require_network
from rlmodule_core.plans.record import Plan, Record
from rlmodule_core.plans.weights import Weights, escape_key, initial_weights, join_name

N = TypeVar("N")


def no_layer(framework: str, plan: Plan) -> PluginError:
    """The error for a record that a backend does not know."""
    return PluginError(f"The backend {framework!r} has no layer for {plan!r}. Upgrade its package.")


def lower_plan(
    plan: Plan,
    make_layer: Callable[[Record, Weights], N],
    make_container: Callable[[Composite, dict[str, N]], N],
    *,
    framework: str,
) -> N:
    """A native network for the plan, with fresh weights drawn from `initial_rng()`.

    Args:
        plan: what to build.
        make_layer: a native layer for a record, given its weights by leaf name.
        make_container: a native container for a composite, given its children by key; it calls the composite's route.
        framework: the backend's name, by which native encoders are built.
    """
    weights = initial_weights(plan, initial_rng())

    def lower(node: Plan, name: str) -> N:
        if isinstance(node, Composite):
            children = {key: lower(child, join_name(name, escape_key(key))) for key, child in node.children().items()}
            return make_container(node, children)
        if isinstance(node, Record):
            return make_layer(node, {leaf: weights[join_name(name, leaf)] for leaf in node.weight_shapes()})
        if isinstance(node, Native):
            network: N = node.config.build(framework)
            require_network(node.config, network)
            return make_container(Checked(node), {"": network})
        raise PluginError(f"Expected a plan such as Chain((Dense(4, 2),)), got {node!r}.")

    return lower(plan, "")
