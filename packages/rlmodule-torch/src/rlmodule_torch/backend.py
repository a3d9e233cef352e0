"""The torch backend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rlmodule_core import Epoch, ModuleLike, OptimizerSettings, TensorTrainingBackend
from rlmodule_core.plans import Plan
from rlmodule_torch.arrays import as_array
from rlmodule_torch.module import TorchRLModule
from rlmodule_torch.networks import device_of, lower, named_tensors
from rlmodule_torch.ops import OPS, TorchRng
from rlmodule_torch.optimizer import TorchOptimizer
from rlmodule_torch.update import run_epoch


class TorchBackend(TensorTrainingBackend):
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

    def named_weights(self, network: Any) -> dict[str, torch.Tensor]:
        return named_tensors(network)

    def is_trained(self, weight: torch.Tensor) -> bool:
        return weight.requires_grad

    def tensor_of(self, array: NDArray[Any], *, like: Any) -> torch.Tensor:
        # Not for every batch: np.require takes as long as all the rest.
        if not (array.flags.c_contiguous and array.flags.writeable):
            array = np.require(array, requirements=["C", "W"])
        tensor = torch.from_numpy(array)
        device = None if like is None else device_of(like)
        return tensor if device is None or device.type == "cpu" else tensor.to(device)

    def view_of(self, tensor: torch.Tensor) -> NDArray[Any]:
        array: NDArray[Any] = tensor.detach().cpu().numpy()
        return array

    def copy_of(self, weight: torch.Tensor) -> NDArray[Any]:
        return as_array(weight)

    def assign(self, weight: torch.Tensor, array: NDArray[Any]) -> None:
        with torch.no_grad():
            weight.copy_(torch.tensor(array))

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
        return TorchOptimizer(self, module, settings)

    def run_epoch(self, epoch: Epoch) -> dict[str, torch.Tensor]:
        return run_epoch(self, epoch)

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
