"""Plans as torch networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from rlmodule_core.plans import Composite, Lowered, Plan, escape_key, join_name, lower_plan
from rlmodule_torch.layers import Layer

_PREFIX = "k_"
"""Children are registered as "k_<key>": torch refuses names such as "type" and ""."""


class Children:
    """The registered children by key; sees it when one is replaced."""

    def __init__(self, registered: dict[str, nn.Module | None]) -> None:
        self._registered = registered

    def __getitem__(self, key: str) -> Any:
        return self._registered[_PREFIX + escape_key(key)]

    def values(self) -> Any:
        return self._registered.values()


class Container(nn.Module, Lowered):
    """A lowered composite: registers the children and calls the composite's route."""

    plan: Composite

    def __init__(self, plan: Composite, children: dict[str, nn.Module]) -> None:
        super().__init__()
        self.plan = plan
        for key, child in children.items():
            self.register_module(_PREFIX + escape_key(key), child)
        self.by_key = Children(self._modules)

    def forward(self, inputs: Any) -> Any:
        return self.plan.route(self.by_key, inputs)

    def run_child(self, key: str, inputs: Any) -> Any:
        """Run one child alone."""
        return self.by_key[key](inputs)


def lower(plan: Plan) -> nn.Module:
    """A torch network for the plan."""
    return lower_plan(plan, Layer, Container, framework="torch")


def named_tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """Every parameter and persistent buffer by name; a tensor that appears twice takes its first name.

    Lowered networks give canonical names, everything else its attribute path.
    """
    named: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for name, tensor in _walk(module, ""):
        if id(tensor) not in seen:
            seen.add(id(tensor))
            named[name] = tensor
    return named


def device_of(module: nn.Module) -> torch.device | None:
    """Where the first parameter lies; None where there is none."""
    # Not by module.parameters(), which looks for duplicates: this is asked for every batch.
    for parameter in module._parameters.values():
        if parameter is not None:
            return parameter.device
    for child in module._modules.values():
        device = None if child is None else device_of(child)
        if device is not None:
            return device
    return None


def _walk(module: nn.Module, name: str) -> Iterator[tuple[str, torch.Tensor]]:
    own = [*module.named_parameters(recurse=False), *_persistent_buffers(module)]
    for leaf, tensor in own:
        yield join_name(name, leaf), tensor
    for key, child in module.named_children():
        part = key.removeprefix(_PREFIX) if isinstance(module, Container) else key
        yield from _walk(child, join_name(name, part))


def _persistent_buffers(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for leaf, buffer in module.named_buffers(recurse=False):
        if leaf not in module._non_persistent_buffers_set:
            yield leaf, buffer
