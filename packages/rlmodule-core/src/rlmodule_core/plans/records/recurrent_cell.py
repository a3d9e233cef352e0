"""What recurrent layers have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.initializers import draw_gates, require_initializer
from rlmodule_core.plans.record import Dims, Record
from rlmodule_core.plans.sizes import require_positive


@dataclass(frozen=True, repr=False)
class RecurrentCell(Record):
    """Sequences `[B, T, inputs]` and a state to sequences `[B, T, size]` and the state after them.

    A layer takes the pair (sequences, state) and gives such a pair. The gates lie one behind the other in
    `weight_ih (gates * size, inputs)` and `weight_hh (gates * size, size)`, which start as `initializer` draws them,
    gate by gate.
    """

    gates: ClassVar[int]

    inputs: int
    size: int
    bias: bool = True
    gain: float = 1.0
    initializer: str = "orthogonal"

    def __post_init__(self) -> None:
        require_positive(self, inputs=self.inputs, size=self.size)
        require_initializer(self, self.initializer)

    def output_dims(self, input_dims: Dims) -> Dims:
        if not input_dims or input_dims[-1] != self.inputs:
            raise ConfigError(
                f"{self!r} expects rows whose last axis is {self.inputs} wide, got rows of shape {input_dims}. Give it "
                "the output size of the layer before it."
            )
        return (*input_dims[:-1], self.size)

    def weight_shapes(self) -> dict[str, Dims]:
        width = self.gates * self.size
        return {"weight_ih": (width, self.inputs), "weight_hh": (width, self.size)}

    def initial_weights(self, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return super().initial_weights(rng) | draw_gates(self, self.gates, rng=rng)

    def multiply_adds(self, input_dims: Dims) -> int:
        return math.prod(input_dims[:-1]) * self.gates * self.size * (self.inputs + self.size)
