"""Lowered plans, as objects that any framework may use whose networks need no registration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any

from rlmodule_core.plans.composite import Composite
from rlmodule_core.plans.record import Plan, Record


class Lowered:
    """What every network that was lowered from a plan is: it carries the plan."""

    plan: Plan


class PlainContainer(Lowered):
    """A lowered composite: holds the children and calls the composite's route."""

    def __init__(self, plan: Composite, children: dict[str, Any]) -> None:
        self.plan: Composite = plan
        self.children = children

    def __call__(self, inputs: Any) -> Any:
        return self.plan.route(self.children, inputs)

    def run_child(self, key: str, inputs: Any) -> Any:
        """Run one child alone."""
        return self.children[key](inputs)

    def parts(self) -> Iterable[tuple[str, Any]]:
        """The children by key."""
        return self.children.items()


class PlainLayer(Lowered):
    """A lowered record: its native weights by leaf name, and how they are applied.

    Args:
        record: what was lowered.
        weights: native arrays or variables, whose identity stays.
        apply_of: gives, for a record and its weights, the function that the layer computes.
    """

    def __init__(
        self,
        record: Record,
        weights: dict[str, Any],
        apply_of: Callable[[Record, dict[str, Any]], Callable[[Any], Any]],
    ) -> None:
        self.plan: Record = record
        self.weights = weights
        self._apply_of = apply_of
        self._apply = apply_of(record, weights)

    def __call__(self, x: Any) -> Any:
        return self._apply(x)

    def parts(self) -> Iterable[tuple[str, Any]]:
        """The weights by leaf."""
        return self.weights.items()

    def __deepcopy__(self, memo: dict[int, Any]) -> PlainLayer:
        return PlainLayer(self.plan, deepcopy(self.weights, memo), self._apply_of)

    def __reduce__(self) -> tuple[Any, ...]:
        # The function may be a closure, which pickle cannot take; the record makes it again.
        return PlainLayer, (self.plan, self.weights, self._apply_of)


def walk_weights(
    node: Any, is_weight: Callable[[Any], bool], inside: Callable[[Any], Mapping[str, Any] | None]
) -> Iterable[tuple[tuple[str, ...], Any]]:
    """Every weight of a network, or among the attributes of an object, behind the keys on the way to it.

    Args:
        node: a plain network, an object that `inside` opens, or dicts, lists and tuples of them.
        is_weight: whether a value is a native weight.
        inside: the parts of an object by key; None for one that holds none.
    """
    return _walk(node, (), is_weight, inside, set())


def _walk(
    node: Any,
    path: tuple[str, ...],
    is_weight: Callable[[Any], bool],
    inside: Callable[[Any], Mapping[str, Any] | None],
    open_nodes: set[int],
) -> Iterable[tuple[tuple[str, ...], Any]]:
    if is_weight(node):
        yield path, node
        return
    parts = _parts(node, inside)
    # What holds itself, as a module that is an attribute of its own part, is walked once.
    if parts is None or id(node) in open_nodes:
        return
    open_nodes.add(id(node))
    for key, part in parts:
        yield from _walk(part, (*path, key), is_weight, inside, open_nodes)
    open_nodes.discard(id(node))


def _parts(node: Any, inside: Callable[[Any], Mapping[str, Any] | None]) -> Iterable[tuple[str, Any]] | None:
    if isinstance(node, PlainLayer | PlainContainer):
        return node.parts()
    if isinstance(node, Mapping):
        return [(str(key), part) for key, part in node.items()]
    if isinstance(node, list | tuple):
        return [(str(index), part) for index, part in enumerate(node)]
    found = inside(node)
    return None if found is None else found.items()
