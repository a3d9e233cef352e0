"""The unit of a gated transformer: attention and a perceptron, each behind a norm and before a gate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.composite import Chain, Children, Composite, indented
from rlmodule_core.plans.record import Dims, Plan
from rlmodule_core.plans.records import Activation, Attend, Concat, Dense, LayerNorm
from rlmodule_core.plans.sizes import require_positive


@dataclass(frozen=True)
class GRUGate(Composite):
    """Lets `y` into `x` as a GRU would: the pair (x, y), each `[..., size]`, to `[..., size]`.

    `(1 - z) * x + z * tanh(candidate(y, r * x))`, where r and z are sigmoids of (y, x), and `bias` is taken off z's:
    with 2 a fresh gate lets little in.
    """

    size: int
    bias: float = 2.0

    def __post_init__(self) -> None:
        require_positive(self, size=self.size)
        if isinstance(self.bias, bool) or not isinstance(self.bias, Real) or not math.isfinite(self.bias):
            raise ConfigError(f"GRUGate.bias must be a finite number, got {self.bias!r}.")
        # A number of numpy's would make float64 of what it is taken off.
        object.__setattr__(self, "bias", float(self.bias))

    def children(self) -> dict[str, Plan]:
        return {
            "join": Concat(),
            "gates": Dense(2 * self.size, 2 * self.size, gain=1.0),
            "sigmoid": Activation("sigmoid"),
            "candidate": Chain((Dense(2 * self.size, self.size, gain=1.0), Activation("tanh"))),
        }

    def child_dims(self, input_dims: Dims) -> dict[str, Dims]:
        double = (*input_dims[:-1], 2 * self.size)
        return {"join": input_dims, "gates": double, "sigmoid": input_dims, "candidate": double}

    def output_dims(self, input_dims: Dims) -> Dims:
        return input_dims

    def route(self, children: Children, inputs: tuple[Any, Any]) -> Any:
        x, y = inputs
        gates = children["gates"](children["join"]([y, x]))
        r = children["sigmoid"](gates[..., : self.size])
        z = children["sigmoid"](gates[..., self.size :] - self.bias)
        return x + z * (children["candidate"](children["join"]([y, r * x])) - x)

    def __repr__(self) -> str:
        return f"GRUGate({self.size}, bias={self.bias})"


@dataclass(frozen=True)
class GatedAttention(Composite):
    """One unit of GTrXL: `(x [B, T, size], state)` to such a pair.

    Parisotto et al. 2019, https://arxiv.org/abs/1910.06764, with identity map reordering and GRU gates; positions are
    relative, by `Attend`. The state is `{"memory": [B, window, size], "filled": [B]}`: the unit's inputs of the last
    `window` steps, the newest last, and how many of them there have been.

    Attributes:
        size: the width of inputs and outputs.
        heads: of attention.
        head_size: of queries, keys and values of each.
        window: how many steps before it a step attends to.
        hidden: the width of the perceptron's hidden layer.
        gate_bias: see `GRUGate`.
    """

    size: int
    heads: int
    head_size: int
    window: int
    hidden: int
    gate_bias: float = 2.0

    def __post_init__(self) -> None:
        require_positive(self, size=self.size, hidden=self.hidden)
        self._attend()
        self._gate()

    def _attend(self) -> Attend:
        return Attend(self.heads, self.head_size, self.window)

    def _gate(self) -> GRUGate:
        return GRUGate(self.size, self.gate_bias)

    def children(self) -> dict[str, Plan]:
        width, relu = self.heads * self.head_size, Activation("relu")
        return {
            "remember": Concat(axis=1),
            "norm": LayerNorm(self.size),
            "queries": Dense(self.size, width, bias=False, gain=1.0),
            "keys": Dense(self.size, width, bias=False, gain=1.0),
            "values": Dense(self.size, width, bias=False, gain=1.0),
            "attend": self._attend(),
            "project": Chain((Dense(width, self.size), relu)),
            "gate": self._gate(),
            "mlp": Chain(
                (LayerNorm(self.size), Dense(self.size, self.hidden), relu, Dense(self.hidden, self.size), relu)
            ),
            "mlp_gate": self._gate(),
            "relu": relu,
        }

    def child_dims(self, input_dims: Dims) -> dict[str, Dims]:
        behind = (*input_dims[:-1], self.heads * self.head_size)
        return {**super().child_dims(input_dims), "attend": behind, "project": behind}

    def output_dims(self, input_dims: Dims) -> Dims:
        if not input_dims or input_dims[-1] != self.size:
            raise ConfigError(f"{self!r} expects rows whose last axis is {self.size} wide, got shape {input_dims}.")
        return input_dims

    def state_shapes(self) -> dict[str, Any]:
        return {"memory": (self.window, self.size), "filled": ()}

    def route(self, children: Children, inputs: tuple[Any, Any]) -> Any:
        x, state = inputs
        steps = children["remember"]([state["memory"], x])
        seen = children["norm"](steps)
        queries = children["queries"](seen[:, self.window :])
        found = children["attend"]((queries, children["keys"](seen), children["values"](seen), state["filled"]))
        y = children["gate"]((x, children["project"](found)))
        y = children["mlp_gate"]((y, children["mlp"](y)))
        # The smaller of the two: as many as there have been, or the whole memory.
        free = children["relu"](self.window - state["filled"] - x.shape[1])
        return y, {"memory": steps[:, x.shape[1] :], "filled": self.window - free}

    def __repr__(self) -> str:
        return "\n".join(f"{key}:\n{indented(plan)}" for key, plan in self.children().items())
