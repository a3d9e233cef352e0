"""Join vectors."""

from __future__ import annotations

from dataclasses import dataclass

from rlmodule_core.plans.record import Dims, Record


@dataclass(frozen=True, repr=False)
class Concat(Record):
    """Join the vectors that `Branches` yields, along their last axis: `[..., a]` and `[..., b]` to `[..., a + b]`."""

    def output_dims(self, input_dims: Dims) -> Dims:
        return input_dims
