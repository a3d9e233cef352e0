"""The torch backend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rlmodule_core import (
    GradientClip,
    Loss,
    ModuleLike,
    Optimizer,
    OptimizerSettings,
    TrainingBackend,
    batch_array,
)
from rlmodule_core.plans import Plan, Weights, escape_key, join_name, match_weights
from rlmodule_core.spaces import parts_of
from rlmodule_torch.arrays import as_array
from rlmodule_torch.layers import Layer
from rlmodule_torch.module import TorchRLModule
from rlmodule_torch.networks import Container, device_of, lower, named_tensors
from rlmodule_torch.ops import OPS, TorchRng
from rlmodule_torch.optimizer import TorchOptimizer
from rlmodule_torch.update import update_epoch

_LOWERED = (Layer, Container)


class TorchBackend(TrainingBackend):
    """Networks, sampling, weights and training in torch."""

    name = "torch"
    ops = OPS

    @property
    def module_base(self) -> type[TorchRLModule]:
        return TorchRLModule

    def rng(self, seed: int | None) -> TorchRng:
        return TorchRng(seed)

    def lower(self, plan: Plan) -> nn.Module:
        return lower(plan)

    def plan_of(self, network: Any) -> Plan | None:
        return network.plan if isinstance(network, _LOWERED) else None

    def batch(self, space: gym.Space[Any] | None, value: Any, *, like: Any = None) -> Any:
        if isinstance(value, torch.Tensor):
            return value
        parts = parts_of(space, value)
        if parts is not None:
            return {key: self.batch(part, item, like=like) for key, (part, item) in parts.items()}
        array = batch_array(space, value)
        # Not for every batch: np.require takes as long as all the rest.
        if not (array.flags.c_contiguous and array.flags.writeable):
            array = np.require(array, requirements=["C", "W"])
        tensor = torch.from_numpy(array)
        device = None if like is None else device_of(like)
        return tensor if device is None or device.type == "cpu" else tensor.to(device)

    def to_numpy(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self.to_numpy(item) for key, item in value.items()}
        return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value

    def get_weights(self, network: Any) -> Weights:
        return {name: as_array(tensor) for name, tensor in named_tensors(network).items()}

    def set_weights(self, network: Any, weights: Mapping[str, NDArray[np.generic]]) -> None:
        tensors = named_tensors(network)
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        match_weights(shapes, weights, where=type(network).__name__)
        with torch.no_grad():
            for name, tensor in tensors.items():
                tensor.copy_(torch.tensor(weights[name]))

    def shared_tensors(self, modules: Mapping[str, Any]) -> dict[str, str]:
        first: dict[int, str] = {}
        shared: dict[str, str] = {}
        for module_id, module in modules.items():
            for name, tensor in named_tensors(module).items():
                full_name = join_name(escape_key(module_id), name)
                if first.setdefault(id(tensor), full_name) != full_name:
                    shared[full_name] = first[id(tensor)]
        return shared

    def untrained_weights(self, network: Any) -> frozenset[str]:
        return frozenset(name for name, tensor in named_tensors(network).items() if not tensor.requires_grad)

    def without_gradients(self) -> AbstractContextManager[None]:
        return torch.no_grad()

    @contextmanager
    def initialising(self, seed: int | None) -> Iterator[None]:
        # Layers of the user's own draw from torch's global generator, which is handed back as it was.
        with super().initialising(seed):
            if seed is None:
                yield
                return
            generators = _global_generators()
            states = [generator.get_state() for generator in generators]
            try:
                for generator in generators:
                    generator.manual_seed(seed)
                yield
            finally:
                for generator, state in zip(generators, states, strict=True):
                    generator.set_state(state)

    def make_optimizer(self, module: ModuleLike, settings: OptimizerSettings) -> TorchOptimizer:
        return TorchOptimizer(module, settings)

    def update_epoch(
        self,
        module: ModuleLike,
        *,
        loss: Loss,
        optimizer: Optimizer,
        columns: Mapping[str, Any],
        permutation: NDArray[np.int64],
        minibatch_size: int,
        coeffs: Mapping[str, float],
        clip: GradientClip,
    ) -> dict[str, torch.Tensor]:
        tensors = self.batch(None, columns, like=module)
        return update_epoch(
            module,
            loss=loss,
            optimizer=optimizer,
            columns=tensors,
            permutation=torch.from_numpy(permutation),
            minibatch_size=minibatch_size,
            coeffs=coeffs,
            clip=clip,
        )

    @contextmanager
    def limited_threads(self, count: int | None) -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(before if count is None else count)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _global_generators() -> list[torch.Generator]:
    # Not torch.random.fork_rng: looking for devices takes it a millisecond, at every update.
    on_devices = torch.cuda.default_generators if torch.cuda.is_initialized() else ()  # type: ignore[no-untyped-call]
    return [torch.default_generator, *on_devices]
