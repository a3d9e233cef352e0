"""Put axes into another order."""

from __future__ import annotations

from dataclasses import dataclass

from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.record import Dims, Record


@dataclass(frozen=True, repr=False)
class Transpose(Record):
    """Reorder the last axes: `Transpose((1, 2, 0))` takes `[..., c, h, w]` to `[..., h, w, c]`.

    Output axis `i` of the row is its input axis `order[i]`.
    """

    order: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", tuple(self.order))
        if sorted(self.order) != list(range(len(self.order))):
            raise ConfigError(f"Transpose.order must name each axis of a row once, counted from 0, got {self.order}.")

    def output_dims(self, input_dims: Dims) -> Dims:
        if len(input_dims) != len(self.order):
            raise ConfigError(f"{self!r} expects rows of {len(self.order)} axes, got rows of shape {input_dims}.")
        return tuple(input_dims[axis] for axis in self.order)

    def permutation(self, rank: int) -> tuple[int, ...]:
        """The order of all axes of a tensor of that rank, whose last axes are a row's."""
        leading = rank - len(self.order)
        return (*range(leading), *(leading + axis for axis in self.order))
