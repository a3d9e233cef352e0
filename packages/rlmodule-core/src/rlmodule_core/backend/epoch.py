"""One epoch of minibatch updates, as backends with native tensors run it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.backend.base import GradientClip, Loss, Optimizer, TrainingBackend
from rlmodule_core.backend.ops import Tensor
from rlmodule_core.backend.tensor_backend import TensorBackend
from rlmodule_core.module_like import ModuleLike


@dataclass(frozen=True)
class Epoch:
    """What `TrainingBackend.update_epoch` is given, its columns as native tensors."""

    module: Any
    loss: Loss
    optimizer: Any
    columns: Mapping[str, Any]
    permutation: NDArray[np.int64]
    minibatch_size: int
    coeffs: Mapping[str, float]
    clip: GradientClip


class TensorTrainingBackend(TensorBackend, TrainingBackend):
    """A backend over native tensors that can also train."""

    @abstractmethod
    def run_epoch(self, epoch: Epoch) -> dict[str, Tensor]:
        """See `update_epoch`."""

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
    ) -> dict[str, Tensor]:
        native = self.batch(None, columns, like=module)
        return self.run_epoch(Epoch(module, loss, optimizer, native, permutation, minibatch_size, coeffs, clip))
