"""The weights of a module by name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rlmodule_core.plans import Dims, Weights


@dataclass(frozen=True)
class WeightSummary:
    """One array of numbers.

    Attributes:
        trained: optimizers change it; None where nobody knows, as in a checkpoint.
    """

    shape: Dims
    dtype: str
    numbers: int
    size: int
    trained: bool | None


def weight_summaries(weights: Weights, *, untrained: Collection[str] | None = None) -> dict[str, WeightSummary]:
    """Each weight by name.

    Args:
        weights: the arrays.
        untrained: the names of those that no optimizer changes; None where nobody knows.
    """
    return {
        name: WeightSummary(
            shape=array.shape,
            dtype=array.dtype.name,
            numbers=array.size,
            size=array.nbytes,
            trained=None if untrained is None else name not in untrained,
        )
        for name, array in weights.items()
    }
