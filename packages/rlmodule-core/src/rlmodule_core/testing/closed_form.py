"""Distributions by the formulas of a textbook, in float64: what their tensor twins are held to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import singledispatch
from typing import Any

import numpy as np

from rlmodule_core.distributions import Categorical, Descriptor, DiagGaussian
from rlmodule_core.distributions.diag_gaussian import LOG_STD_LIMIT
from rlmodule_core.errors import ConfigError
from rlmodule_core.testing.compare import Array


class ClosedForm(ABC):
    """A batch of distributions, made from inputs `[..., input_dim]`."""

    @abstractmethod
    def logp(self, actions: Array) -> Array:
        """Log-probabilities `[...]`."""

    @abstractmethod
    def entropy(self) -> Array:
        """Entropies in nats `[...]`."""

    @abstractmethod
    def kl(self, other: Any) -> Array:
        """KL(self || other) in nats `[...]`."""

    @abstractmethod
    def mode(self) -> Array:
        """The most typical actions."""

    @abstractmethod
    def moments(self) -> tuple[Array, Array]:
        """Mean and variance of each number of an action."""


@singledispatch
def closed_form(descriptor: Descriptor, inputs: Array) -> ClosedForm:
    """The closed form of a descriptor's distributions; register here that of a descriptor of your own.

    Raises:
        ConfigError: none is registered.
    """
    raise ConfigError(
        f"The exam knows no closed form for {descriptor!r}. Register one: "
        "@rlmodule_core.testing.closed_form.register(YourDescriptor), returning a ClosedForm."
    )


class _Categorical(ClosedForm):
    def __init__(self, inputs: Array, start: int) -> None:
        shifted = inputs.astype(np.float64) - inputs.max(axis=-1, keepdims=True)
        self.log_probs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        self.probs = np.exp(self.log_probs)
        self.start = start

    def logp(self, actions: Array) -> Array:
        chosen = np.arange(self.probs.shape[-1]) == (actions - self.start)[..., None]
        return np.asarray(np.where(chosen, self.log_probs, 0).sum(axis=-1))

    def entropy(self) -> Array:
        return np.asarray((self.probs * -self.log_probs).sum(axis=-1))

    def kl(self, other: Any) -> Array:
        return np.asarray((self.probs * (self.log_probs - other.log_probs)).sum(axis=-1))

    def mode(self) -> Array:
        return np.asarray(self.start + self.probs.argmax(axis=-1))

    def moments(self) -> tuple[Array, Array]:
        values = self.start + np.arange(self.probs.shape[-1])
        mean = (self.probs * values).sum(axis=-1)
        return mean, (self.probs * np.square(values - mean[..., None])).sum(axis=-1)


class _DiagGaussian(ClosedForm):
    def __init__(self, inputs: Array) -> None:
        self.mean, log_std = np.split(inputs.astype(np.float64), 2, axis=-1)
        self.variance = np.exp(2 * np.clip(log_std, -LOG_STD_LIMIT, LOG_STD_LIMIT))

    def logp(self, actions: Array) -> Array:
        squared = np.square(actions - self.mean) / self.variance
        return np.asarray(-0.5 * (squared + np.log(2 * np.pi * self.variance)).sum(axis=-1))

    def entropy(self) -> Array:
        return np.asarray(0.5 * np.log(2 * np.pi * np.e * self.variance).sum(axis=-1))

    def kl(self, other: Any) -> Array:
        ratio, shift = self.variance / other.variance, np.square(self.mean - other.mean) / other.variance
        return np.asarray(0.5 * (ratio + shift - 1 - np.log(ratio)).sum(axis=-1))

    def mode(self) -> Array:
        return self.mean

    def moments(self) -> tuple[Array, Array]:
        return self.mean, self.variance


@closed_form.register
def _(descriptor: Categorical, inputs: Array) -> ClosedForm:
    return _Categorical(inputs, descriptor.start)


@closed_form.register
def _(descriptor: DiagGaussian, inputs: Array) -> ClosedForm:
    return _DiagGaussian(inputs)
