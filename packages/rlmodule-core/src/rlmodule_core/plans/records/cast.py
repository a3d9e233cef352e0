"""Convert numbers to the dtype that networks compute in."""

from __future__ import annotations

from dataclasses import dataclass

from rlmodule_core.plans.record import Dims, Record


@dataclass(frozen=True, repr=False)
class Cast(Record):
    """Convert each element to float32: for observations that come as integers or booleans."""

    def output_dims(self, input_dims: Dims) -> Dims:
        return input_dims
