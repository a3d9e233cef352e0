"""What every node of a plan can answer: its output size, its weights and how they start."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import MISSING, Field, field, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Dims = tuple[int, ...]
"""The shape of one row: everything behind the batch axis."""


_GAINED: Final = "gained"


def gained(default: Any) -> Any:
    """A field that its class gained after plans without it were saved; `default` is what those mean.

    It is written only where it says something else, so that older versions go on reading what they can compute.
    """
    return field(default=default, metadata={_GAINED: True})


def is_silent(declared: Field[Any], value: object) -> bool:
    """Whether a stored plan leaves the field out."""
    return _GAINED in declared.metadata and value == declared.default


class Plan(ABC):
    """A node of a plan tree: a record (one layer) or a composite (layers and how data flows through them)."""

    @abstractmethod
    def output_dims(self, input_dims: Dims) -> Dims:
        """The shape of one output row, given the shape of one input row.

        Raises:
            ConfigError: rows of that shape cannot enter this node.
        """

    def state_shapes(self) -> dict[str, Any]:
        """The shapes of one row of the state that this node carries from step to step, by leaf, or nested by key.

        Empty for a node that carries none, as by default.
        """
        return {}

    def extra_columns(self) -> dict[str, Dims]:
        """The columns that this node takes besides observations and state, each with the shape of one row."""
        return {}


class Record(Plan):
    """One layer with every size resolved. Subclasses are frozen dataclasses."""

    def weight_shapes(self) -> dict[str, Dims]:
        """The shape of each weight of this layer, by leaf name, in the canonical layout."""
        return {}

    def initial_weights(self, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        """Fresh weights, by leaf name, drawn from `rng`."""
        return {leaf: np.zeros(shape, np.float32) for leaf, shape in self.weight_shapes().items()}

    def untrained_leaves(self) -> frozenset[str]:
        """The leaf names of the weights that no optimizer may change, such as statistics."""
        return frozenset()

    def multiply_adds(self, input_dims: Dims) -> int:
        """The multiply-adds that one row costs; elementwise work counts as none."""
        return 0

    def __repr__(self) -> str:
        shown = [
            repr(value) if field.default is MISSING else f"{field.name}={value!r}"
            for field in fields(self)  # type: ignore[arg-type]
            if (value := getattr(self, field.name)) != field.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"
