"""The numpy backend: the oracle of the others, and what serves a policy where no framework is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlmodule_core.backend.base import Backend
from rlmodule_core.backend.dtypes import batch_array
from rlmodule_core.numpy_backend.layers import Layer
from rlmodule_core.numpy_backend.module import NumpyRLModule
from rlmodule_core.numpy_backend.networks import Container, lower, named_arrays, untrained_names
from rlmodule_core.numpy_backend.ops import NumpyOps, NumpyRng
from rlmodule_core.plans import Plan, Weights, match_weights
from rlmodule_core.spaces import parts_of

_LOWERED = (Layer, Container)


class NumpyBackend(Backend):
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

    def plan_of(self, network: Any) -> Plan | None:
        return network.plan if isinstance(network, _LOWERED) else None

    def batch(self, space: gym.Space[Any] | None, value: Any, *, like: Any = None) -> Any:
        parts = parts_of(space, value)
        if parts is not None:
            return {key: self.batch(part, item) for key, (part, item) in parts.items()}
        return batch_array(space, value)

    def to_numpy(self, value: Any) -> Any:
        return value

    def get_weights(self, network: Any) -> Weights:
        return {name: array.copy() for name, array in named_arrays(network)}

    def untrained_weights(self, network: Any) -> frozenset[str]:
        return frozenset(untrained_names(network))

    def set_weights(self, network: Any, weights: Mapping[str, NDArray[np.generic]]) -> None:
        arrays = dict(named_arrays(network))
        shapes = {name: array.shape for name, array in arrays.items()}
        match_weights(shapes, weights, where=type(network).__name__)
        for name, array in arrays.items():
            array[...] = weights[name]
