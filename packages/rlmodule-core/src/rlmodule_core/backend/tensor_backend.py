"""What backends have in common whose networks hold native weights: batches, and weights by name."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlmodule_core.backend.base import Backend
from rlmodule_core.backend.dtypes import batch_array
from rlmodule_core.backend.ops import Tensor
from rlmodule_core.plans import Lowered, Plan, Weights, escape_key, join_name, match_weights
from rlmodule_core.spaces import parts_of


class TensorBackend(Backend):
    """A backend over native tensors: a subclass says how one is made, read and written; names follow from that."""

    @abstractmethod
    def named_weights(self, network: Any) -> Mapping[str, Any]:
        """The native weights of a network or module by name: canonical names where a plan gives them.

        Elsewhere the path of attributes; a weight that appears twice takes its first name.
        """

    @abstractmethod
    def is_trained(self, weight: Any) -> bool:
        """Whether an optimizer changes the native weight."""

    @abstractmethod
    def tensor_of(self, array: NDArray[Any], *, like: Any) -> Tensor:
        """A native tensor of the array, which it may share, on the device of `like`, a module or None."""

    @abstractmethod
    def view_of(self, tensor: Tensor) -> NDArray[Any]:
        """A native tensor in numpy, which it may share."""

    def copy_of(self, weight: Any) -> NDArray[Any]:
        """A copy of a native weight in numpy, in a dtype that numpy has."""
        array = np.array(self.view_of(weight))
        # bfloat16 and float8 are guests in numpy; float32 holds every value of theirs exactly.
        return array if array.dtype.kind in "biuf" else array.astype(np.float32)

    @abstractmethod
    def assign(self, weight: Any, array: NDArray[Any]) -> None:
        """Copy an array of the same shape into the native weight."""

    @contextmanager
    def initialising(self, seed: int | None) -> Iterator[None]:
        # Layers of frameworks draw from Python's generator as well, which is handed back as it was.
        with super().initialising(seed):
            if seed is None:
                yield
                return
            state = random.getstate()
            random.seed(seed)
            try:
                yield
            finally:
                random.setstate(state)

    def plan_of(self, network: Any) -> Plan | None:
        return network.plan if isinstance(network, Lowered) else None

    def batch(self, space: gym.Space[Any] | None, value: Any, *, like: Any = None) -> Any:
        if isinstance(value, self.ops.tensor_type):
            return value
        parts = parts_of(space, value)
        if parts is not None:
            return {key: self.batch(part, item, like=like) for key, (part, item) in parts.items()}
        return self.tensor_of(batch_array(space, value), like=like)

    def to_numpy(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self.to_numpy(item) for key, item in value.items()}
        return self.view_of(value) if isinstance(value, self.ops.tensor_type) else value

    def get_weights(self, network: Any) -> Weights:
        return {name: self.copy_of(weight) for name, weight in self.named_weights(network).items()}

    def set_weights(self, network: Any, weights: Mapping[str, NDArray[np.generic]]) -> None:
        self.write(self.named_weights(network), weights, where=type(network).__name__)

    def write(self, targets: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]], *, where: str) -> None:
        """Copy arrays into native weights or tensors of the same names.

        Raises:
            StateError: names or shapes do not fit; nothing was changed.
        """
        match_weights({name: tuple(target.shape) for name, target in targets.items()}, arrays, where=where)
        for name, target in targets.items():
            self.assign(target, np.asarray(arrays[name]))

    def shared_tensors(self, modules: Mapping[str, Any]) -> dict[str, str]:
        first: dict[int, str] = {}
        shared: dict[str, str] = {}
        for module_id, module in modules.items():
            for name, weight in self.named_weights(module).items():
                full_name = join_name(escape_key(module_id), name)
                if first.setdefault(id(weight), full_name) != full_name:
                    shared[full_name] = first[id(weight)]
        return shared

    def untrained_weights(self, network: Any) -> frozenset[str]:
        named = self.named_weights(network)
        return frozenset(name for name, weight in named.items() if not self.is_trained(weight))
