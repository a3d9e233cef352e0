"""What native optimizers have in common: which weights they train, and moments by name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.backend.base import Optimizer
from rlmodule_core.backend.tensor_backend import TensorBackend
from rlmodule_core.errors import ConfigError
from rlmodule_core.plans import Weights


class TensorOptimizer(Optimizer):
    """An optimizer of all trainable weights of a module, whose moments are native tensors.

    Args:
        backend: of the module.
        module: whose weights are trained.

    Raises:
        ConfigError: the module has no trainable weights.
    """

    def __init__(self, backend: TensorBackend, module: Any) -> None:
        self._backend = backend
        named = backend.named_weights(module)
        self.weights = {name: weight for name, weight in named.items() if backend.is_trained(weight)}
        if not self.weights:
            raise ConfigError(
                f"{type(module).__name__} has no trainable weights, so there is nothing to optimise. Assign its layers "
                "to attributes in setup(), or leave the module out of policies_to_train."
            )

    @abstractmethod
    def slots(self) -> Mapping[str, Any]:
        """By name, behind that of its weight: `step []`, `exp_avg` and `exp_avg_sq`, as native tensors to write to."""

    def get_state(self) -> Weights:
        return {name: self._backend.copy_of(slot) for name, slot in self.slots().items()}

    def set_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        self._backend.write(self.slots(), state, where="the optimizer")
