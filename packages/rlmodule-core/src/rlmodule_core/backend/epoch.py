"""One epoch of minibatch updates, as backends with native tensors run it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.backend.base import GradientClip, Loss, Optimizer, TrainingBackend
from rlmodule_core.backend.ops import Tensor
from rlmodule_core.backend.tensor_backend import TensorBackend
from rlmodule_core.columns import OF_SEQUENCES, Columns
from rlmodule_core.module_like import ModuleLike
from rlmodule_core.spaces import map_leaves


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

    def padded_steps(self, steps: int) -> int:
        """To how many steps sequences of so many are padded for an update; by default they stay as they are.

        A backend that compiles for each shape sees few of them that way.
        """
        return steps

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
        native = self.batch(None, self._padded(columns), like=module)
        return self.run_epoch(Epoch(module, loss, optimizer, native, permutation, minibatch_size, coeffs, clip))

    def _padded(self, columns: Mapping[str, Any]) -> Mapping[str, Any]:
        mask = columns.get(Columns.LOSS_MASK)
        # Without a mask the padding would count.
        if Columns.SEQ_LENS not in columns or mask is None or np.ndim(mask) != 2:
            return columns
        more = self.padded_steps(np.shape(mask)[1]) - np.shape(mask)[1]
        return {
            name: column if more == 0 or name in OF_SEQUENCES else map_leaves(partial(_with_steps, more), column)
            for name, column in columns.items()
        }


def _with_steps(more: int, column: Any) -> NDArray[Any]:
    array = np.asarray(column)
    return np.pad(array, ((0, 0), (0, more), *[(0, 0)] * (array.ndim - 2)))
