"""Merge axes."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass

from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.record import Dims, Record


@dataclass(frozen=True, repr=False)
class Flatten(Record):
    """Merge the last `axes` axes into one: `[..., h, w, c]` to `[..., h * w * c]` for `axes=3`.

    With `axes=0` an axis of size 1 is appended, which makes rows of one number vectors.
    """

    axes: int

    def __post_init__(self) -> None:
        if isinstance(self.axes, bool) or operator.index(self.axes) < 0:
            raise ConfigError(f"Flatten.axes must be a number of axes, 0 or more, got {self.axes!r}.")

    def output_dims(self, input_dims: Dims) -> Dims:
        if len(input_dims) < self.axes:
            raise ConfigError(f"{self!r} expects rows of {self.axes} axes or more, got rows of shape {input_dims}.")
        kept = len(input_dims) - self.axes
        return (*input_dims[:kept], math.prod(input_dims[kept:]))
