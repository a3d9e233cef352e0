"""How data flows through several layers: composites and their routes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from rlmodule_core.columns import Columns
from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.record import Dims, Plan, Record

Network = Callable[[Any], Any]
"""A lowered plan: called with the node's input, it returns the node's output."""


class Children(Protocol):
    """The lowered children of a composite, by key."""

    def __getitem__(self, key: str) -> Network: ...

    def values(self) -> Any: ...


class Composite(Plan):
    """A node with children. A backend lowers it to a container that registers them and calls `route`."""

    @abstractmethod
    def children(self) -> dict[str, Plan]:
        """The children by key, in a fixed order. The key "" adds no part to the names of the weights."""

    def child_dims(self, input_dims: Dims) -> dict[str, Dims]:
        """The shape of one row of each child's input by key, given that of this node's."""
        return dict.fromkeys(self.children(), input_dims)

    @abstractmethod
    def route(self, children: Children, inputs: Any) -> Any:
        """Compute the output from `inputs` by calling the lowered children: pure, for any framework."""


@dataclass(frozen=True, repr=False)
class Chain(Composite):
    """Layers one behind the other: a tensor in, a tensor out."""

    records: tuple[Record, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "records", tuple(self.records))
        for record in self.records:
            if not isinstance(record, Record):
                raise ConfigError(f"Chain.records must hold records such as Dense(4, 8), got {record!r}.")
            if record.state_shapes():
                raise ConfigError(f"A Chain carries no state, which {record!r} needs: make it a cell of Recurrent.")

    def children(self) -> dict[str, Plan]:
        return {str(index): record for index, record in enumerate(self.records)}

    def child_dims(self, input_dims: Dims) -> dict[str, Dims]:
        dims: dict[str, Dims] = {}
        for index, record in enumerate(self.records):
            dims[str(index)] = input_dims
            input_dims = record.output_dims(input_dims)
        return dims

    def route(self, children: Children, inputs: Any) -> Any:
        for child in children.values():
            inputs = child(inputs)
        return inputs

    def output_dims(self, input_dims: Dims) -> Dims:
        for record in self.records:
            input_dims = record.output_dims(input_dims)
        return input_dims

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.records))


@dataclass(frozen=True)
class Encoder(Composite):
    """Encodes observations: `{"obs": tensor}` to `{"encoder_out": latents}`."""

    net: Plan

    def __post_init__(self) -> None:
        if isinstance(self.net, Encoder | ActorCritic) or (isinstance(self.net, Plan) and self.net.state_shapes()):
            raise ConfigError(
                f"Encoder.net must be a plan from tensor to tensor such as Chain, got {type(self.net).__name__}, which "
                "takes observations by key. Use that one in place of this."
            )

    def children(self) -> dict[str, Plan]:
        return {"": self.net}

    def route(self, children: Children, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {Columns.ENCODER_OUT: children[""](inputs[Columns.OBS])}

    def output_dims(self, input_dims: Dims) -> Dims:
        return self.net.output_dims(input_dims)

    def __repr__(self) -> str:
        return repr(self.net)


@dataclass(frozen=True)
class ActorCritic(Composite):
    """Encodes observations for an actor and a critic, by one shared encoder or by one for each.

    `{"obs": tensor}` to `{"encoder_out": {"actor": latents, "critic": latents}}`. Where encoders carry a state, it
    comes as `state_in` and goes as `state_out`: of the shared one as it is, of two under "actor" and "critic".
    """

    shared: Plan | None = None
    actor: Plan | None = None
    critic: Plan | None = None

    def __post_init__(self) -> None:
        pair = (self.actor is not None, self.critic is not None)
        if pair != ((False, False) if self.shared is not None else (True, True)):
            raise ConfigError("ActorCritic takes either `shared` alone or both `actor` and `critic`.")
        for key, child in self.children().items():
            if isinstance(child, Record | Chain | ActorCritic):
                raise ConfigError(
                    f"ActorCritic.{key} must be an encoder such as Encoder(Chain(...)), got {type(child).__name__}. "
                    "Give it one."
                )

    @property
    def actor_key(self) -> str:
        """The key of the child that the actor's latents come from."""
        return Columns.ACTOR if self.shared is None else "shared"

    def children(self) -> dict[str, Plan]:
        named = {"shared": self.shared, Columns.ACTOR: self.actor, Columns.CRITIC: self.critic}
        return {key: plan for key, plan in named.items() if plan is not None}

    def state_shapes(self) -> dict[str, Any]:
        return self._states

    @cached_property
    def _states(self) -> dict[str, Any]:
        # Kept, because modules ask for it several times at every step.
        if self.shared is not None:
            return self.shared.state_shapes()
        shapes = {key: child.state_shapes() for key, child in self.children().items()}
        return {key: own for key, own in shapes.items() if own}

    def extra_columns(self) -> dict[str, Dims]:
        return {name: dims for child in self.children().values() for name, dims in child.extra_columns().items()}

    def route(self, children: Children, inputs: Mapping[str, Any]) -> dict[str, Any]:
        if self.shared is not None:
            outputs = children["shared"](inputs)
            latent = outputs[Columns.ENCODER_OUT]
            return {**outputs, Columns.ENCODER_OUT: {Columns.ACTOR: latent, Columns.CRITIC: latent}}
        found = {key: children[key](self.inputs_of(key, inputs)) for key in (Columns.ACTOR, Columns.CRITIC)}
        latents = {key: outputs[Columns.ENCODER_OUT] for key, outputs in found.items()}
        states = {key: outputs[Columns.STATE_OUT] for key, outputs in found.items() if Columns.STATE_OUT in outputs}
        return {Columns.ENCODER_OUT: latents, **({Columns.STATE_OUT: states} if states else {})}

    def inputs_of(self, key: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the child of this key is given of the inputs: the same, but its own state alone."""
        if self.shared is not None or not getattr(self, key).state_shapes():
            return inputs
        return {**inputs, Columns.STATE_IN: inputs[Columns.STATE_IN][key]}

    def output_dims(self, input_dims: Dims) -> Dims:
        return next(iter(self.children().values())).output_dims(input_dims)

    def __repr__(self) -> str:
        return "\n".join(f"{key}:\n{indented(plan)}" for key, plan in self.children().items())


def indented(plan: Plan) -> str:
    """The plan's text, two columns to the right."""
    return "\n".join(f"  {line}" for line in repr(plan).splitlines())
