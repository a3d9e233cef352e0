"""Encoders that no record describes, inside a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from rlmodule_core.columns import Columns
from rlmodule_core.errors import ConfigError, SpecCheckingError
from rlmodule_core.plans.composite import Children, Composite
from rlmodule_core.plans.record import Dims, Plan
from rlmodule_core.plans.weights import escape_key, join_name


class BuildsItself(Protocol):
    """The part of a ModelConfig that a plan relies on where the config's network is native."""

    @property
    def output_dims(self) -> Dims:
        """The shape of one output row."""

    def build(self, framework: str) -> Any:
        """A native network `{"obs": ...}` to `{"encoder_out": [B, L]}`."""


@dataclass(frozen=True)
class Native(Plan):
    """An encoder that its config builds by itself, in the frameworks that it supports.

    It is no part of the format of checkpoints: a module with such a part is tied to its framework and its catalog.
    """

    config: BuildsItself

    def output_dims(self, input_dims: Dims) -> Dims:
        return self.config.output_dims


@dataclass(frozen=True)
class Checked(Composite):
    """A native encoder that is held to what its config says: nobody else knows what it gives."""

    net: Native

    def children(self) -> dict[str, Plan]:
        return {"": self.net}

    def route(self, children: Children, inputs: Any) -> Any:
        outputs = children[""](inputs)
        latents = outputs.get(Columns.ENCODER_OUT) if isinstance(outputs, Mapping) else None
        shape, dims = getattr(latents, "shape", ()), tuple(self.net.config.output_dims)
        if len(shape) <= len(dims) or tuple(shape[len(shape) - len(dims) :]) != dims:
            raise self._misfit(outputs)
        return outputs

    def output_dims(self, input_dims: Dims) -> Dims:
        return self.net.output_dims(input_dims)

    def _misfit(self, outputs: Any) -> SpecCheckingError:
        found: Any = type(outputs).__name__
        if isinstance(outputs, Mapping):
            found = {key: tuple(getattr(value, "shape", ())) for key, value in outputs.items()}
        dims = ", ".join(map(str, ("B", *self.net.config.output_dims)))
        return SpecCheckingError(
            f"The network of {type(self.net.config).__name__} must give {{'{Columns.ENCODER_OUT}': [{dims}]}}, where "
            f"output_dims says what follows B; got {found}. Correct its forward, or output_dims."
        )


@dataclass(frozen=True)
class Latents(Composite):
    """A native encoder from its observations to its latents alone, as `Branches` take it."""

    net: Native

    def children(self) -> dict[str, Plan]:
        return {"": self.net}

    def route(self, children: Children, inputs: Any) -> Any:
        return children[""]({Columns.OBS: inputs})[Columns.ENCODER_OUT]

    def output_dims(self, input_dims: Dims) -> Dims:
        return self.net.output_dims(input_dims)


def require_network(config: BuildsItself, network: object) -> None:
    """Refuse what cannot be called with observations.

    Raises:
        ConfigError: it is a class, or nothing to call.
    """
    if isinstance(network, type) or not callable(network):
        name = type(config).__name__
        raise ConfigError(
            f"The function that is registered with build_network for {name} must return a network, got {network!r}. "
            f"Return an instance, such as {name.removesuffix('Config')}(config)."
        )


def walk_natives(plan: Plan, prefix: str = "") -> Iterator[tuple[str, Native]]:
    """Each native encoder of the tree with its canonical name, depth first."""
    if isinstance(plan, Native):
        yield prefix, plan
    elif isinstance(plan, Composite):
        for key, child in plan.children().items():
            yield from walk_natives(child, join_name(prefix, escape_key(key)))
