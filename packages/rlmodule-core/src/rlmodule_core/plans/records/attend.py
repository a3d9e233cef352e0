"""Attention to the steps before."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.record import Dims, Record
from rlmodule_core.plans.sizes import require_positive


@dataclass(frozen=True, repr=False)
class Attend(Record):
    """Several heads of attention, of each step to itself and to at most `window` steps before it.

    Vaswani et al. 2017, https://arxiv.org/abs/1706.03762. A layer takes queries `[B, T, heads * head_size]`, keys and
    values `[B, window + T, heads * head_size]`, and filled `[B]`, and gives `[B, T, heads * head_size]`. The first
    `window` keys are those of the memory, of which the last `filled` count. How far apart two steps are is told by
    `bias (heads, window + 1)`: one number for each head and distance, added to the scores, at first zero.
    """

    heads: int
    head_size: int
    window: int

    def __post_init__(self) -> None:
        require_positive(self, heads=self.heads, head_size=self.head_size, window=self.window)

    def output_dims(self, input_dims: Dims) -> Dims:
        width = self.heads * self.head_size
        if not input_dims or input_dims[-1] != width:
            raise ConfigError(f"{self!r} expects rows whose last axis is {width} wide, got shape {input_dims}.")
        return input_dims

    def weight_shapes(self) -> dict[str, Dims]:
        return {"bias": (self.heads, self.window + 1)}

    def multiply_adds(self, input_dims: Dims) -> int:
        return 2 * math.prod(input_dims) * (self.window + 1)
