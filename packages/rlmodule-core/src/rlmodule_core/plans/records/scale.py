"""Bring numbers such as pixels near 1."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.record import Dims, Record


@dataclass(frozen=True, repr=False)
class Scale(Record):
    """Convert each element to float32 and divide it by `divisor`: pixels of 0 to 255 become 0 to 1."""

    divisor: float = 255.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.divisor) and self.divisor > 0):
            raise ConfigError(f"Scale.divisor must be a positive number such as 255.0, got {self.divisor!r}.")

    def output_dims(self, input_dims: Dims) -> Dims:
        return input_dims
