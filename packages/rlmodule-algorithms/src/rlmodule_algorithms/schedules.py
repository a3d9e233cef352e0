"""Numbers that change with the number of environment steps."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlmodule_core import ConfigError


@dataclass(frozen=True)
class Schedule:
    """Piecewise linear between points, constant behind the last."""

    timesteps: tuple[int, ...]
    values: tuple[float, ...]

    @classmethod
    def of(cls, option: str, value: Any) -> Schedule:
        """The schedule of an option's value: a number, or a list of `(timestep, value)`.

        Raises:
            ConfigError: the list is malformed; names the option.
        """
        if not isinstance(value, Sequence) or isinstance(value, str):
            constant: Any = value
            return cls((0,), (constant,))
        try:
            timesteps, values = zip(
                *((operator.index(timestep), 0.0 + number) for timestep, number in value), strict=True
            )
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"The option {option!r} must be a number or a list of (timestep, value) pairs, got {value!r}."
            ) from error
        if timesteps[0] != 0 or any(later <= earlier for earlier, later in itertools.pairwise(timesteps)):
            raise ConfigError(
                f"The schedule {option!r} must start at timestep 0 and its timesteps must grow, got {value!r}."
            )
        return cls(timesteps, values)

    def at(self, timestep: int) -> float:
        """The value at a number of environment steps."""
        return float(np.interp(timestep, self.timesteps, self.values))
