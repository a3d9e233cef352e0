"""Join vectors."""

from __future__ import annotations

from dataclasses import dataclass

from rlmodule_core.plans.record import Dims, Record, gained


@dataclass(frozen=True, repr=False)
class Concat(Record):
    """Join a list of tensors along `axis`, by default the last: `[..., a]` and `[..., b]` to `[..., a + b]`."""

    axis: int = gained(-1)

    def output_dims(self, input_dims: Dims) -> Dims:
        return input_dims
