"""What a backend is: how core and the algorithms reach a framework."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlmodule_core.backend.ops import Ops, Rng, Tensor
from rlmodule_core.errors import ConfigError, nearest
from rlmodule_core.module_like import ModuleLike
from rlmodule_core.plans import Plan, Weights, initialising

Loss = Callable[[Ops, Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]], tuple[Tensor, dict[str, Tensor]]]
"""`(ops, outputs, batch, coeffs) -> (total, metrics)`: pure, differentiable, the same for every framework."""


class Backend(ABC):
    """A framework, as far as running modules needs it. Stateless: one instance serves a process."""

    name: ClassVar[str]
    ops: ClassVar[Ops]

    @property
    @abstractmethod
    def module_base(self) -> type[Any]:
        """The framework's base class of user modules, such as TorchRLModule."""

    @abstractmethod
    def rng(self, seed: int | None) -> Rng:
        """A fresh generator; None seeds it by the system."""

    @abstractmethod
    def lower(self, plan: Plan) -> Any:
        """A native network for the plan, with first weights drawn from `initial_rng()`."""

    @abstractmethod
    def plan_of(self, network: Any) -> Plan | None:
        """The plan that a lowered network carries; None for any other object."""

    @abstractmethod
    def batch(self, space: gym.Space[Any] | None, value: Any, *, like: Any = None) -> Any:
        """A batch `[B, ...]` of the space as native tensors.

        float64 becomes float32, uint8 stays, other integers become int64. Native tensors pass through. A batch of a
        Dict or Tuple space becomes nested dicts by key; a Tuple has the keys "0", "1", ...
        The result lies on the device of `like`, a module or network.
        """

    @abstractmethod
    def to_numpy(self, value: Any) -> Any:
        """Native tensors, or a nested mapping of them, as numpy arrays; other values as they are."""

    @abstractmethod
    def get_weights(self, network: Any) -> Weights:
        """Copies of all weights of a network or module by name: canonical names where a plan gives them."""

    @abstractmethod
    def set_weights(self, network: Any, weights: Mapping[str, NDArray[np.generic]]) -> None:
        """Copy weights into the existing arrays, whose identity is kept.

        Raises:
            StateError: names are missing or unexpected, or arrays have another shape; nothing was changed.
        """

    def shared_tensors(self, modules: Mapping[str, Any]) -> dict[str, str]:
        """The weights that are one tensor in several of these modules: each later name to the first one.

        A name is that of the weight behind the module's id, escaped by `escape_key`: `blue.encoder.weight`.
        """
        return {}

    def untrained_weights(self, network: Any) -> frozenset[str]:
        """The names of the weights of a network or module that no optimizer changes: statistics, frozen parameters."""
        return frozenset()

    def without_gradients(self) -> AbstractContextManager[None]:
        """Within the block nothing is recorded for differentiation."""
        return nullcontext()

    @contextmanager
    def initialising(self, seed: int | None) -> Iterator[None]:
        """Within the block, what this backend draws of its own follows from `seed`: first weights, dropout.

        The framework's global generator is left as it was.
        """
        with initialising(seed):
            yield


@dataclass(frozen=True)
class OptimizerSettings:
    """Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980), by the same formula in every backend."""

    lr: float = 3e-4
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-5


_CLIP_MODES = ("global_norm", "norm", "value")


@dataclass(frozen=True)
class GradientClip:
    """How gradients are limited before each step: "global_norm", "norm" (each tensor) or "value"."""

    limit: float | None = None
    by: str = "global_norm"

    def __post_init__(self) -> None:
        if self.limit is not None and not self.limit > 0:
            raise ConfigError(f"GradientClip.limit must be a positive number or None, got {self.limit!r}.")
        if self.by not in _CLIP_MODES:
            raise ConfigError(
                f"GradientClip.by must be one of {', '.join(_CLIP_MODES)}, got {self.by!r}."
                f"{nearest(str(self.by), _CLIP_MODES)}"
            )


class Optimizer(ABC):
    """A native optimizer of one module."""

    @abstractmethod
    def set_lr(self, lr: float) -> None:
        """Use this learning rate from the next step on."""

    @abstractmethod
    def get_state(self) -> Weights:
        """The moments by weight name, and the number of steps."""

    @abstractmethod
    def set_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on from a state that `get_state` gave.

        Raises:
            StateError: the state is that of another module.
        """


class TrainingBackend(Backend):
    """A backend that can also train."""

    @abstractmethod
    def make_optimizer(self, module: ModuleLike, settings: OptimizerSettings) -> Optimizer:
        """An optimizer for all trainable weights of the module.

        Raises:
            ConfigError: the module has no trainable weights.
        """

    @abstractmethod
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
        """Take one optimizer step per minibatch, once through the rows in the order of `permutation`.

        Args:
            module: the module to train.
            loss: what to minimise, given the outputs of `forward_train` and the minibatch.
            optimizer: made by `make_optimizer` for this module.
            columns: numpy arrays `[N, ...]`, or nested mappings of them, by column name.
            permutation: `[M]` row numbers; M need not be a multiple of `minibatch_size`.
            minibatch_size: rows per optimizer step; the last step may have fewer.
            coeffs: the loss's numbers that change during training.
            clip: how to limit the gradients.

        Returns:
            The mean of each metric of the loss over the minibatches, as 0-d native tensors.

        Raises:
            NotANumberError: a loss or gradient is not finite; the optimizer has not taken that step.
        """

    @abstractmethod
    def limited_threads(self, count: int | None) -> AbstractContextManager[None]:
        """Within the block the framework computes on `count` threads; None leaves it as it is."""
