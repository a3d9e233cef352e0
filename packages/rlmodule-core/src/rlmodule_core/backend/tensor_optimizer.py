"""What native optimizers have in common: which weights they train, and moments by name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.backend.base import Optimizer
from rlmodule_core.backend.ops import Tensor
from rlmodule_core.backend.tensor_backend import TensorBackend
from rlmodule_core.backend.update_faults import constant_loss, hidden_weights, not_finite
from rlmodule_core.errors import ConfigError, NotANumberError
from rlmodule_core.plans import Weights, join_name


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
        self.weights = self._trained(backend.named_weights(module))
        if not self.weights:
            raise ConfigError(
                f"{type(module).__name__} has no trainable weights, so there is nothing to optimise. Assign its layers "
                "to attributes in setup(), or leave the module out of policies_to_train."
            )

    def require_current(self, module: Any, named: Mapping[str, Any]) -> None:
        """Refuse a module of which other weights are trained by now than those that this optimizer was made for.

        Args:
            module: for the error.
            named: its native weights by name.

        Raises:
            ConfigError: names the weights.
        """
        made_for, now = ({id(each): name for name, each in own.items()} for own in (self.weights, self._trained(named)))
        if made_for.keys() != now.keys():
            changed = sorted({(made_for | now)[key] for key in made_for.keys() ^ now.keys()})
            raise ConfigError(
                f"The optimizer was made for other weights than those that {type(module).__name__} trains now: its "
                f"layers were built, replaced, frozen or set free since: {', '.join(changed)}. Make a new one after "
                "such a change, by the backend's make_optimizer(module, settings)."
            )

    def _trained(self, named: Mapping[str, Any]) -> dict[str, Any]:
        return {name: weight for name, weight in named.items() if self._backend.is_trained(weight)}

    def require_gradients(self, module: Any, gradients: Iterable[Tensor | None], hidden: Sequence[str]) -> None:
        """Refuse a loss of which the weights are not those of the optimizer.

        Args:
            module: for the error.
            gradients: of the weights, None where the loss does not depend on one.
            hidden: other weights that it depends on, by whatever name.

        Raises:
            ConfigError: it depends on hidden weights, or on none at all.
        """
        if hidden:
            raise hidden_weights(module, hidden)
        if all(gradient is None for gradient in gradients):
            raise constant_loss(module)

    def fault(self, batch: Any, outputs: Any, total: Tensor, gradients: Iterable[Tensor]) -> NotANumberError:
        """The error for a minibatch in which something is not finite, from the data to the gradients of the weights."""
        named = dict(zip(self.weights, gradients, strict=True))
        suspects = {"batch column": batch, "output": outputs, "loss": {"total": total}, "gradient of": named}
        return not_finite(self._backend, suspects.items())

    def named_slots(self, step: Tensor, moments: Iterable[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
        """What `slots` gives, of moments in the order of the weights."""
        pairs = zip(self.weights, moments, strict=True)
        own = {name: {"step": step, "exp_avg": first, "exp_avg_sq": second} for name, (first, second) in pairs}
        return {join_name(name, key): slot for name, slots in own.items() for key, slot in slots.items()}

    @abstractmethod
    def slots(self) -> Mapping[str, Any]:
        """By name, behind that of its weight: `step []`, `exp_avg` and `exp_avg_sq`, as native tensors to write to."""

    def get_state(self) -> Weights:
        return {name: self._backend.copy_of(slot) for name, slot in self.slots().items()}

    def set_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        self._backend.write(self.slots(), state, where="the optimizer")
