"""Turn integers into indicator vectors."""

from __future__ import annotations

from dataclasses import dataclass

from rlmodule_core.plans.record import Dims, Record
from rlmodule_core.plans.sizes import require_positive


@dataclass(frozen=True, repr=False)
class OneHot(Record):
    """Integers `[...]` in `start .. start + size - 1` to float32 indicators `[..., size]`."""

    size: int
    start: int = 0

    def __post_init__(self) -> None:
        require_positive(self, size=self.size)

    def output_dims(self, input_dims: Dims) -> Dims:
        return (*input_dims, self.size)
