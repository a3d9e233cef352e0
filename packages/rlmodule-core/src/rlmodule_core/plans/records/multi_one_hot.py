"""Turn vectors of integers into indicator vectors."""

from __future__ import annotations

from dataclasses import dataclass

from rlmodule_core.errors import ConfigError
from rlmodule_core.plans.record import Dims, Record
from rlmodule_core.plans.sizes import sizes_of


@dataclass(frozen=True, repr=False)
class MultiOneHot(Record):
    """One indicator vector for each entry, one behind the other: `[..., k]` integers to float32 `[..., sum(sizes)]`.

    Entry `i` is in `starts[i] .. starts[i] + sizes[i] - 1`.
    """

    sizes: tuple[int, ...]
    starts: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", sizes_of(self, "sizes", self.sizes))
        object.__setattr__(self, "starts", tuple(int(start) for start in self.starts))
        if len(self.starts) != len(self.sizes) or not self.sizes:
            raise ConfigError(
                f"MultiOneHot needs one start for each of its sizes, got {len(self.starts)} and {len(self.sizes)}."
            )

    @property
    def values(self) -> tuple[int, ...]:
        """What the entry of each output is compared with."""
        ranges = zip(self.starts, self.sizes, strict=True)
        return tuple(value for start, size in ranges for value in range(start, start + size))

    @property
    def entries(self) -> tuple[int, ...]:
        """Which entry each output is about."""
        return tuple(entry for entry, size in enumerate(self.sizes) for _ in range(size))

    def output_dims(self, input_dims: Dims) -> Dims:
        if not input_dims or input_dims[-1] != len(self.sizes):
            raise ConfigError(
                f"{self!r} expects rows whose last axis is {len(self.sizes)} wide, got rows of shape {input_dims}."
            )
        return (*input_dims[:-1], sum(self.sizes))
