"""Weights to examine with: never constant ones, which would hide a transposed kernel or a swapped order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlmodule_core.testing.compare import Array


def random_like(weights: Mapping[str, Array], seed: int) -> dict[str, Array]:
    """Normal weights of the same names, shapes and dtypes; of variances their absolute values."""
    rng = np.random.default_rng(seed)
    drawn = {name: np.asarray(rng.normal(size=array.shape), array.dtype) for name, array in weights.items()}
    return {name: np.abs(array) if name.endswith("variance") else array for name, array in drawn.items()}


def perturbed(state: Mapping[str, Array], seed: int) -> dict[str, Array]:
    """A module's state with every float moved; signs stay, because a layer of its user's may need a positive one."""
    rng = np.random.default_rng(seed)
    return {name: _moved(array, rng) for name, array in state.items()}


def _moved(array: Array, rng: np.random.Generator) -> Array:
    if not np.issubdtype(array.dtype, np.floating):
        return array.copy()
    noise: Any = 0.3 * rng.normal(size=array.shape)
    return np.asarray(np.where(array == 0, noise, array * np.exp(noise)), array.dtype)
