"""Bring numbers of any size near 1, by statistics of what was seen before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.record import Dims, Record
from rlmodule_core.plans.sizes import require_positive


@dataclass(frozen=True, repr=False)
class Normalise(Record):
    """`clip((x - mean) / sqrt(variance + eps), -clip, clip)` for each entry of the last axis, which is `size` wide.

    No forward and no optimizer changes the statistics: whoever trains merges those of the observations into them. They
    start at mean 0, variance 1 and a count of 0, which changes nothing but what is beyond `clip`.
    """

    size: int
    eps: float = 1e-8
    clip: float = 10.0

    def __post_init__(self) -> None:
        require_positive(self, size=self.size)
        if not isinstance(self.eps, Real) or not 0 < self.eps <= 1:
            raise ConfigError(f"Normalise.eps must be a small number above 0 such as 1e-8, got {self.eps!r}.")
        if not (isinstance(self.clip, Real) and math.isfinite(self.clip) and self.clip > 0):
            raise ConfigError(f"Normalise.clip must be a positive number such as 10.0, got {self.clip!r}.")

    def output_dims(self, input_dims: Dims) -> Dims:
        if not input_dims or input_dims[-1] != self.size:
            raise ConfigError(
                f"{self!r} expects rows whose last axis is {self.size} wide, got rows of shape {input_dims}."
            )
        return input_dims

    def weight_shapes(self) -> dict[str, Dims]:
        return {"mean": (self.size,), "variance": (self.size,), "count": ()}

    def initial_weights(self, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return {**super().initial_weights(rng), "variance": np.ones(self.size, np.float32)}

    def untrained_leaves(self) -> frozenset[str]:
        return frozenset(self.weight_shapes())
