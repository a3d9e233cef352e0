"""Adam in torch, with its moments by weight name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rlmodule_core import ConfigError, Optimizer, OptimizerSettings
from rlmodule_core.plans import Weights, join_name, match_weights
from rlmodule_torch.networks import named_tensors


class TorchOptimizer(Optimizer):
    """torch.optim.Adam over all trainable weights of a module."""

    def __init__(self, module: Any, settings: OptimizerSettings) -> None:
        self.parameters: dict[str, nn.Parameter] = {
            name: tensor
            for name, tensor in named_tensors(module).items()
            if isinstance(tensor, nn.Parameter) and tensor.requires_grad
        }
        if not self.parameters:
            raise ConfigError(
                f"{type(module).__name__} has no trainable weights, so there is nothing to optimise. Assign its layers "
                "to attributes in setup(), or leave the module out of policies_to_train."
            )
        self.native = torch.optim.Adam(
            list(self.parameters.values()),
            lr=settings.lr,
            betas=(settings.beta1, settings.beta2),
            eps=settings.eps,
            fused=all(weight.is_floating_point() for weight in self.parameters.values()),
        )

    def set_lr(self, lr: float) -> None:
        for group in self.native.param_groups:
            group["lr"] = lr

    def get_state(self) -> Weights:
        return {
            join_name(name, key): value.detach().cpu().numpy().copy()
            for name, weight in self.parameters.items()
            for key, value in self._slots(weight).items()
        }

    def set_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        slots = {
            join_name(name, key): (weight, key, value)
            for name, weight in self.parameters.items()
            for key, value in self._slots(weight).items()
        }
        match_weights({name: tuple(value.shape) for name, (_, _, value) in slots.items()}, state, where="the optimizer")
        for name, (weight, key, value) in slots.items():
            # Copied, not replaced: the fused kernel needs moments whose strides are the weight's.
            self.native.state[weight][key] = value.copy_(torch.tensor(state[name]))

    def _slots(self, weight: nn.Parameter) -> dict[str, torch.Tensor]:
        """The optimizer's tensors for one weight; those of a weight not yet stepped are zeros."""
        native: dict[str, torch.Tensor] = self.native.state.get(weight, {})
        if native:
            return native
        zeros = torch.zeros_like(weight, memory_format=torch.preserve_format)
        step = torch.zeros((), dtype=torch.float32, device=weight.device)
        return {"step": step, "exp_avg": zeros, "exp_avg_sq": zeros.clone()}
