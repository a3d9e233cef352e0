"""The numpy backend: the oracle of the others, and what serves a policy where no framework is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlmodule_core.backend.dtypes import batch_array
from rlmodule_core.backend.tensor_backend import TensorBackend
from rlmodule_core.numpy_backend.module import NumpyRLModule
from rlmodule_core.numpy_backend.networks import lower, named_arrays, untrained_names
from rlmodule_core.numpy_backend.ops import NumpyOps, NumpyRng
from rlmodule_core.plans import Plan
from rlmodule_core.spaces import parts_of


class NumpyBackend(TensorBackend):
    """Networks, sampling and weights in numpy; forward only."""

    name = "numpy"
    ops = NumpyOps()

    @property
    def module_base(self) -> type[NumpyRLModule]:
        return NumpyRLModule

    def rng(self, seed: int | None) -> NumpyRng:
        return NumpyRng(seed)

    def lower(self, plan: Plan) -> Any:
        return lower(plan)

    def batch(self, space: gym.Space[Any] | None, value: Any, *, like: Any = None) -> Any:
        # Arrays are native, but not always of the dtype that networks take.
        parts = parts_of(space, value)
        if parts is not None:
            return {key: self.batch(part, item) for key, (part, item) in parts.items()}
        return batch_array(space, value)

    def to_numpy(self, value: Any) -> Any:
        return value

    def named_weights(self, network: Any) -> Mapping[str, NDArray[Any]]:
        return named_arrays(network)

    def is_trained(self, weight: Any) -> bool:
        # An array does not know; `untrained_weights` asks its layer.
        return True

    def untrained_weights(self, network: Any) -> frozenset[str]:
        return frozenset(untrained_names(network))

    def tensor_of(self, array: NDArray[Any], *, like: Any) -> NDArray[Any]:
        return array

    def view_of(self, tensor: NDArray[Any]) -> NDArray[Any]:
        return tensor

    def copy_of(self, weight: NDArray[Any]) -> NDArray[Any]:
        return weight.copy()

    def assign(self, weight: NDArray[Any], array: NDArray[Any]) -> None:
        np.copyto(weight, array, casting="unsafe")
