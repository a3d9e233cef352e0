"""Adam in torch over flat parameters, with its moments by weight name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from rlmodule_core import GradientClip, OptimizerSettings, TensorBackend, TensorOptimizer
from rlmodule_core.plans import join_name
from rlmodule_torch.flat import FlatParameters

_EPS = 1e-6
"""Keeps the factor of a vanishing norm finite."""


class TorchOptimizer(TensorOptimizer):
    """torch.optim.Adam over all trainable weights of a module, which it owns as flat tensors."""

    weights: dict[str, nn.Parameter]

    def __init__(self, backend: TensorBackend, module: Any, settings: OptimizerSettings) -> None:
        super().__init__(backend, module)
        self._settings = settings
        self._own()

    def _own(self) -> None:
        kinds: dict[Any, dict[str, nn.Parameter]] = {}
        for name, parameter in self.weights.items():
            kinds.setdefault((parameter.dtype, parameter.device), {})[name] = parameter
        self._names = [list(kind) for kind in kinds.values()]
        self._flats = [FlatParameters(list(kind.values())) for kind in kinds.values()]
        self.native = torch.optim.Adam(
            [flat.values for flat in self._flats],
            lr=self._settings.lr,
            betas=(self._settings.beta1, self._settings.beta2),
            eps=self._settings.eps,
            fused=True,
        )

    def prepare(self) -> None:
        """Take the parameters back if they have been moved out of the flat tensors since the last update."""
        if not all(flat.owns_all() for flat in self._flats):
            state, lr = self.get_state(), self.native.param_groups[0]["lr"]
            self._own()
            self.set_state(state)
            self.set_lr(lr)

    def zero_grad(self) -> None:
        """Set all gradients to zero."""
        for flat in self._flats:
            flat.zero_gradients()

    def clip(self, clip: GradientClip) -> Tensor:
        """Limit the gradients in place; their global norm before that, 0-d."""
        gradients = [flat.gradients for flat in self._flats]
        norm = gradients[0].norm() if len(gradients) == 1 else torch.nn.utils.get_total_norm(gradients)
        if clip.limit is None:
            return norm
        for flat, gradient in zip(self._flats, gradients, strict=True):
            if clip.by == "global_norm":
                gradient.mul_(torch.clamp(clip.limit / (norm + _EPS), max=1.0))
            elif clip.by == "value":
                gradient.clamp_(-clip.limit, clip.limit)
            else:
                for view in flat.views_of(gradient):
                    view.mul_(torch.clamp(clip.limit / (view.norm() + _EPS), max=1.0))
        return norm

    def step(self) -> None:
        """Move the weights along the gradients."""
        self.native.step()

    def set_lr(self, lr: float) -> None:
        for group in self.native.param_groups:
            group["lr"] = lr

    def slots(self) -> dict[str, Tensor]:
        # Views of the optimizer's own tensors.
        return dict(self._slots())

    def _slots(self) -> Iterator[tuple[str, Tensor]]:
        for names, flat in zip(self._names, self._flats, strict=True):
            native: dict[str, Tensor] = self.native.state[flat.values]
            if not native:
                # What the first step would make.
                native["step"] = torch.zeros((), dtype=torch.float32, device=flat.values.device)
                native["exp_avg"] = torch.zeros_like(flat.values.detach())
                native["exp_avg_sq"] = torch.zeros_like(flat.values.detach())
            views = {key: flat.views_of(native[key]) for key in ("exp_avg", "exp_avg_sq")}
            for index, name in enumerate(names):
                yield join_name(name, "step"), native["step"]
                yield from ((join_name(name, key), pieces[index]) for key, pieces in views.items())
