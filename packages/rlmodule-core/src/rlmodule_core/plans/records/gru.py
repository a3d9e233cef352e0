"""Gated recurrent units."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.plans.initializers import draw_gates, require_initializer
from rlmodule_core.plans.record import Dims, Record
from rlmodule_core.plans.records.lstm import recurrent_dims
from rlmodule_core.plans.sizes import require_positive


@dataclass(frozen=True, repr=False)
class GRU(Record):
    """Sequences `[B, T, inputs]` and a state to sequences `[B, T, size]` and the state after them.

    Cho et al. 2014, https://arxiv.org/abs/1406.1078. The state is `{"h": [B, size]}`; a layer takes the pair
    (sequences, state) and gives such a pair.

    The gates r, z, n lie one behind the other in `weight_ih (3 size, inputs)`, `weight_hh (3 size, size)` and
    `bias (2, 3 size)`, whose first row is added to the inputs' part and whose second row to the state's part. The reset
    gate r acts behind the product: `n = tanh(inputs' part + r * state's part)`, and `h' = (1 - z) * n + z * h`.
    Kernels start as `initializer` draws them, gate by gate, biases at zero.
    """

    inputs: int
    size: int
    bias: bool = True
    gain: float = 1.0
    initializer: str = "orthogonal"

    def __post_init__(self) -> None:
        require_positive(self, inputs=self.inputs, size=self.size)
        require_initializer(self, self.initializer)

    def output_dims(self, input_dims: Dims) -> Dims:
        return recurrent_dims(self, self.inputs, self.size, input_dims=input_dims)

    def state_shapes(self) -> dict[str, Dims]:
        return {"h": (self.size,)}

    def weight_shapes(self) -> dict[str, Dims]:
        gates = 3 * self.size
        shapes: dict[str, Dims] = {"weight_ih": (gates, self.inputs), "weight_hh": (gates, self.size)}
        return {**shapes, "bias": (2, gates)} if self.bias else shapes

    def initial_weights(self, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return super().initial_weights(rng) | draw_gates(self, 3, rng=rng)

    def multiply_adds(self, input_dims: Dims) -> int:
        return math.prod(input_dims[:-1]) * 3 * self.size * (self.inputs + self.size)
