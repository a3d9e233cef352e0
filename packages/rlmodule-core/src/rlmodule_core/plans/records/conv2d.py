"""A convolution over images."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.initializers import draw_kernel, require_initializer
from rlmodule_core.plans.record import Dims, Record
from rlmodule_core.plans.records.dense import HIDDEN_GAIN
from rlmodule_core.plans.sizes import require_positive, sizes_of


@dataclass(frozen=True, repr=False)
class Conv2D(Record):
    """Cross-correlate images `[..., h, w, inputs]` with `outputs` kernels: `[..., h', w', outputs]`.

    Weights are `(outputs, inputs, kernel height, kernel width)`; they start as `initializer` draws them, scaled by
    `gain`, biases at zero.

    Attributes:
        inputs: channels, which come last, in and out.
        outputs: kernels.
        kernel: height and width.
        stride: vertical and horizontal.
        padding: zeros added above, below, left and right; see `same_padding`.
    """

    inputs: int
    outputs: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...] = (1, 1)
    padding: tuple[int, ...] = (0, 0, 0, 0)
    bias: bool = True
    gain: float = HIDDEN_GAIN
    initializer: str = "orthogonal"

    def __post_init__(self) -> None:
        require_positive(self, inputs=self.inputs, outputs=self.outputs)
        require_initializer(self, self.initializer)
        for field in ("kernel", "stride"):
            object.__setattr__(self, field, sizes_of(self, field, getattr(self, field)))
            if len(getattr(self, field)) != 2:
                raise ConfigError(f"Conv2D.{field} must be a height and a width, got {getattr(self, field)}.")
        object.__setattr__(self, "padding", tuple(self.padding))
        if len(self.padding) != 4 or any(type(side) is not int or side < 0 for side in self.padding):
            raise ConfigError(
                f"Conv2D.padding must be four numbers (above, below, left, right), 0 or more, got {self.padding}."
            )

    def output_dims(self, input_dims: Dims) -> Dims:
        if len(input_dims) < 3 or input_dims[-1] != self.inputs:
            raise ConfigError(
                f"{self!r} expects images (height, width, {self.inputs}), got rows of shape {input_dims}."
            )
        above, below, left, right = self.padding
        padded = input_dims[-3] + above + below, input_dims[-2] + left + right
        if padded[0] < self.kernel[0] or padded[1] < self.kernel[1]:
            raise ConfigError(
                f"{self!r} does not fit into an image of {input_dims[-3]} x {input_dims[-2]}. Take a smaller kernel, "
                "fewer or less strided layers before it, or 'same' padding."
            )
        sides = ((side - size) // step + 1 for side, size, step in zip(padded, self.kernel, self.stride, strict=True))
        return (*input_dims[:-3], *sides, self.outputs)

    def weight_shapes(self) -> dict[str, Dims]:
        shapes: dict[str, Dims] = {"weight": (self.outputs, self.inputs, *self.kernel)}
        return {**shapes, "bias": (self.outputs,)} if self.bias else shapes

    def initial_weights(self, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        weights = super().initial_weights(rng)
        weights["weight"] = draw_kernel(self.initializer, self.gain, shape=self.weight_shapes()["weight"], rng=rng)
        return weights

    def multiply_adds(self, input_dims: Dims) -> int:
        return math.prod(self.output_dims(input_dims)) * self.inputs * math.prod(self.kernel)


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """The zeros before and behind a side of an image so that `ceil(side / stride)` outputs come of it.

    An odd one goes behind, as TensorFlow's "SAME" has it.
    """
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2
