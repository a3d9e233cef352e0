"""A fully connected layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.initializers import draw_kernel, require_initializer
from rlmodule_core.plans.record import Dims, Record, gained
from rlmodule_core.plans.sizes import require_positive

HIDDEN_GAIN = math.sqrt(2.0)


@dataclass(frozen=True, repr=False)
class Dense(Record):
    """`y = x @ weight.T + bias` over the last axis: `[..., inputs]` to `[..., outputs]`.

    Weights start as `initializer` draws them, orthogonal by default, scaled by `gain`; biases start at zero.
    """

    inputs: int
    outputs: int
    bias: bool = True
    gain: float = HIDDEN_GAIN
    initializer: str = gained("orthogonal")

    def __post_init__(self) -> None:
        require_positive(self, inputs=self.inputs, outputs=self.outputs)
        require_initializer(self, self.initializer)

    def output_dims(self, input_dims: Dims) -> Dims:
        if not input_dims or input_dims[-1] != self.inputs:
            raise ConfigError(
                f"{self!r} expects rows whose last axis is {self.inputs} wide, got rows of shape {input_dims}. "
                "Give it the output size of the layer before it."
            )
        return (*input_dims[:-1], self.outputs)

    def weight_shapes(self) -> dict[str, Dims]:
        shapes: dict[str, Dims] = {"weight": (self.outputs, self.inputs)}
        return {**shapes, "bias": (self.outputs,)} if self.bias else shapes

    def initial_weights(self, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        weights = super().initial_weights(rng)
        weights["weight"] = draw_kernel(self.initializer, self.gain, shape=(self.outputs, self.inputs), rng=rng)
        return weights

    def multiply_adds(self, input_dims: Dims) -> int:
        return math.prod(input_dims) * self.outputs
