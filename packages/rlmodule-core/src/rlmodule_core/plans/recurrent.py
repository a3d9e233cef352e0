"""Encoders that remember."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlmodule_core.columns import Columns
from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.composite import ActorCritic, Chain, Children, Composite, Encoder, indented
from rlmodule_core.plans.record import Dims, Plan
from rlmodule_core.plans.records import Concat, LayerNorm
from rlmodule_core.plans.sizes import require_width

_NOTHING = Chain(())


@dataclass(frozen=True)
class Recurrent(Composite):
    """Encodes sequences of observations: a tokenizer for each step, then cells that carry a state along the steps.

    `{"obs": [B, T, ...], "state_in": {leaf: [B, cells, ...]}}` to `{"encoder_out": [B, T, H], "state_out": ...}`.

    Attributes:
        tokenizer: encodes the observation of a step.
        cells: stateful layers one behind the other, all with states of the same shapes.
        norms: a layer norm behind each of them, or none.
        entry: layers between the tokenizer and the first cell.
        prev_actions: the width of `prev_actions [B, T, width]`, which are joined to the tokens; 0 for none.
        prev_rewards: whether `prev_rewards [B, T]` are.
    """

    tokenizer: Encoder
    cells: tuple[Plan, ...]
    norms: tuple[LayerNorm, ...] = ()
    entry: Chain = _NOTHING
    prev_actions: int = 0
    prev_rewards: bool = False

    def __post_init__(self) -> None:
        for name in ("cells", "norms"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not isinstance(self.tokenizer, Encoder):
            raise ConfigError(
                f"Recurrent.tokenizer must be an Encoder, which sees single steps, got {type(self.tokenizer).__name__}."
            )
        if any(isinstance(cell, Recurrent | ActorCritic) for cell in self.cells):
            raise ConfigError("Recurrent.cells must be layers over vectors, got an encoder. Put its cells here.")
        shapes = [cell.state_shapes() for cell in self.cells]
        if not shapes or not shapes[0] or any(each != shapes[0] for each in shapes):
            raise ConfigError(
                "Recurrent.cells must be one or more layers with states of the same shapes, such as LSTM(8, 4) and "
                f"LSTM(4, 4), got {self.cells}."
            )
        require_width(self, prev_actions=self.prev_actions)
        if len(self.norms) not in (0, len(self.cells)):
            raise ConfigError(
                f"Recurrent.norms must be none or one for each of {len(self.cells)} cells, got {len(self.norms)}."
            )

    def children(self) -> dict[str, Plan]:
        found: dict[str, Plan] = {"tokenizer": self.tokenizer}
        if self.prev_actions or self.prev_rewards:
            found["join"] = Concat()
        if self.entry.records:
            found["entry"] = self.entry
        for number, cell in enumerate(self.cells):
            found[f"cell_{number}"] = cell
            if self.norms:
                found[f"norm_{number}"] = self.norms[number]
        if len(self.cells) > 1:
            found["stack"] = Concat(axis=1)
        return found

    def child_dims(self, input_dims: Dims) -> dict[str, Dims]:
        tokens = self.tokenizer.output_dims(input_dims)
        joined = (*tokens[:-1], tokens[-1] + self.prev_actions + int(self.prev_rewards))
        dims = {"tokenizer": input_dims, "join": tokens, "entry": joined}
        rows = self.entry.output_dims(joined)
        for number, cell in enumerate(self.cells):
            dims[f"cell_{number}"] = rows
            rows = dims[f"norm_{number}"] = dims["stack"] = cell.output_dims(rows)
            if self.norms:
                rows = self.norms[number].output_dims(rows)
        return {key: dims[key] for key in self.children()}

    def output_dims(self, input_dims: Dims) -> Dims:
        last = len(self.cells) - 1
        return self.cells[last].output_dims(self.child_dims(input_dims)[f"cell_{last}"])

    def state_shapes(self) -> dict[str, Any]:
        return {leaf: (len(self.cells), *dims) for leaf, dims in self.cells[0].state_shapes().items()}

    def extra_columns(self) -> dict[str, Dims]:
        actions = {Columns.PREV_ACTIONS: (self.prev_actions,)} if self.prev_actions else {}
        return {**actions, Columns.PREV_REWARDS: ()} if self.prev_rewards else {**actions}

    def route(self, children: Children, inputs: Mapping[str, Any]) -> dict[str, Any]:
        x = children["tokenizer"](inputs)[Columns.ENCODER_OUT]
        previous = self._previous(inputs)
        if previous:
            x = children["join"]([x, *previous])
        if self.entry.records:
            x = children["entry"](x)
        states: list[Mapping[str, Any]] = []
        for number in range(len(self.cells)):
            state_in = {leaf: state[:, number] for leaf, state in inputs[Columns.STATE_IN].items()}
            x, state_out = children[f"cell_{number}"]((x, state_in))
            states.append(state_out)
            if self.norms:
                x = children[f"norm_{number}"](x)
        return {Columns.ENCODER_OUT: x, Columns.STATE_OUT: self._stacked(children, states)}

    def _previous(self, inputs: Mapping[str, Any]) -> list[Any]:
        actions = [inputs[Columns.PREV_ACTIONS]] if self.prev_actions else []
        return [*actions, inputs[Columns.PREV_REWARDS][..., None]] if self.prev_rewards else actions

    def _stacked(self, children: Children, states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        leaves = {leaf: [state[leaf][:, None] for state in states] for leaf in states[0]}
        if len(states) == 1:
            return {leaf: only for leaf, (only,) in leaves.items()}
        return {leaf: children["stack"](layers) for leaf, layers in leaves.items()}

    def __repr__(self) -> str:
        return "\n".join(f"{key}:\n{indented(plan)}" for key, plan in self.children().items())
