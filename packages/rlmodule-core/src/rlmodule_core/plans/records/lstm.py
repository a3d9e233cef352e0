"""Long short-term memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.plans.record import Dims
from rlmodule_core.plans.records.recurrent_cell import RecurrentCell


@dataclass(frozen=True, repr=False)
class LSTM(RecurrentCell):
    """Hochreiter and Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735.

    The state is `{"h": [B, size], "c": [B, size]}`. The gates are i, f, g, o, with one `bias (4 size,)`. Biases start
    at zero but those of the forget gate, at `forget_bias`: a fresh cell remembers (Jozefowicz et al. 2015,
    https://proceedings.mlr.press/v37/jozefowicz15.html).
    """

    gates: ClassVar[int] = 4

    forget_bias: float = 1.0

    def state_shapes(self) -> dict[str, Dims]:
        return {"h": (self.size,), "c": (self.size,)}

    def weight_shapes(self) -> dict[str, Dims]:
        kernels = super().weight_shapes()
        return {**kernels, "bias": (self.gates * self.size,)} if self.bias else kernels

    def initial_weights(self, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        weights = super().initial_weights(rng)
        if self.bias:
            weights["bias"][self.size : 2 * self.size] = self.forget_bias
        return weights
