"""Layer normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.record import Dims, Record, gained
from rlmodule_core.plans.sizes import require_positive


@dataclass(frozen=True, repr=False)
class LayerNorm(Record):
    """Normalise each row over its last `axes` axes to mean 0 and variance 1, then scale and shift the last one.

    Ba et al. 2016, https://arxiv.org/abs/1607.06450. `eps` is part of the record because the frameworks'
    defaults differ. Behind a convolution `axes=3` normalises over height, width and channels together, with one scale
    and shift a channel: as many weights whatever the size of the image.
    """

    size: int
    eps: float = 1e-5
    axes: int = gained(1)

    def __post_init__(self) -> None:
        require_positive(self, size=self.size, axes=self.axes)
        if not 0 <= self.eps <= 1:
            raise ConfigError(f"LayerNorm.eps must be a small number from 0 to 1 such as 1e-5, got {self.eps!r}.")

    def output_dims(self, input_dims: Dims) -> Dims:
        if len(input_dims) < self.axes or input_dims[-1] != self.size:
            axes = "" if self.axes == 1 else f" of {self.axes} axes or more"
            raise ConfigError(
                f"{self!r} expects rows{axes} whose last axis is {self.size} wide, got shape {input_dims}."
            )
        return input_dims

    def weight_shapes(self) -> dict[str, Dims]:
        return {"weight": (self.size,), "bias": (self.size,)}

    def initial_weights(self, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return {"weight": np.ones(self.size, np.float32), "bias": np.zeros(self.size, np.float32)}
