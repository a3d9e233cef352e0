"""Gated recurrent units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rlmodule_core.plans.record import Dims
from rlmodule_core.plans.records.recurrent_cell import RecurrentCell


@dataclass(frozen=True, repr=False)
class GRU(RecurrentCell):
    """Cho et al. 2014, https://arxiv.org/abs/1406.1078.

    The state is `{"h": [B, size]}`. The gates are r, z, n, with a `bias (2, 3 size)`, whose first row is added to the
    inputs' part and whose second row to the state's part. The reset gate r acts behind the product:
    `n = tanh(inputs' part + r * state's part)`, and `h' = (1 - z) * n + z * h`. Biases start at zero.
    """

    gates: ClassVar[int] = 3

    def state_shapes(self) -> dict[str, Dims]:
        return {"h": (self.size,)}

    def weight_shapes(self) -> dict[str, Dims]:
        kernels = super().weight_shapes()
        return {**kernels, "bias": (2, self.gates * self.size)} if self.bias else kernels
