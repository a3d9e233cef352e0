"""Long short-term memory."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.initializers import draw_gates, require_initializer
from rlmodule_core.plans.record import Dims, Record
from rlmodule_core.plans.sizes import require_positive


@dataclass(frozen=True, repr=False)
class LSTM(Record):
    """Sequences `[B, T, inputs]` and a state to sequences `[B, T, size]` and the state after them.

    Hochreiter and Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735. The state is `{"h": [B, size],
    "c": [B, size]}`; a layer takes the pair (sequences, state) and gives such a pair.

    The gates i, f, g, o lie one behind the other in `weight_ih (4 size, inputs)`, `weight_hh (4 size, size)` and
    `bias (4 size,)`. Kernels start as `initializer` draws them, gate by gate, and biases at zero but those of the
    forget gate, at `forget_bias`: a fresh cell remembers (Jozefowicz et al. 2015,
    https://proceedings.mlr.press/v37/jozefowicz15.html).
    """

    inputs: int
    size: int
    bias: bool = True
    gain: float = 1.0
    initializer: str = "orthogonal"
    forget_bias: float = 1.0

    def __post_init__(self) -> None:
        require_positive(self, inputs=self.inputs, size=self.size)
        require_initializer(self, self.initializer)

    def output_dims(self, input_dims: Dims) -> Dims:
        return recurrent_dims(self, self.inputs, self.size, input_dims=input_dims)

    def state_shapes(self) -> dict[str, Dims]:
        return {"h": (self.size,), "c": (self.size,)}

    def weight_shapes(self) -> dict[str, Dims]:
        gates = 4 * self.size
        shapes: dict[str, Dims] = {"weight_ih": (gates, self.inputs), "weight_hh": (gates, self.size)}
        return {**shapes, "bias": (gates,)} if self.bias else shapes

    def initial_weights(self, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        weights = super().initial_weights(rng) | draw_gates(self, 4, rng=rng)
        if self.bias:
            weights["bias"][self.size : 2 * self.size] = self.forget_bias
        return weights

    def multiply_adds(self, input_dims: Dims) -> int:
        return math.prod(input_dims[:-1]) * 4 * self.size * (self.inputs + self.size)


def recurrent_dims(record: Record, inputs: int, size: int, *, input_dims: Dims) -> Dims:
    """The shape of one row behind a recurrent layer."""
    if not input_dims or input_dims[-1] != inputs:
        raise ConfigError(
            f"{record!r} expects rows whose last axis is {inputs} wide, got rows of shape {input_dims}. Give it the "
            "output size of the layer before it."
        )
    return (*input_dims[:-1], size)
