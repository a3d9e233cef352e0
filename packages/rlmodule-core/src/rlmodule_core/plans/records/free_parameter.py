"""A trainable vector that does not depend on the input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.plans.record import Dims, Record
from rlmodule_core.plans.sizes import require_positive


@dataclass(frozen=True, repr=False)
class FreeParameter(Record):
    """Append a trainable vector to each row: `[..., d]` to `[..., d + size]`.

    Behind a head that yields means it is the state-independent log standard deviation.
    """

    size: int
    initial: float = 0.0

    def __post_init__(self) -> None:
        require_positive(self, size=self.size)

    def output_dims(self, input_dims: Dims) -> Dims:
        return (*input_dims[:-1], input_dims[-1] + self.size)

    def weight_shapes(self) -> dict[str, Dims]:
        return {"value": (self.size,)}

    def initial_weights(self, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return {"value": np.full(self.size, self.initial, np.float32)}
