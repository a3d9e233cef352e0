"""Distributions by the formulas of a textbook, in float64: what their tensor twins are held to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import numpy as np

from rlmodule_core.distributions import (
    Bernoulli,
    Categorical,
    Descriptor,
    DiagGaussian,
    MultiCategorical,
    MultiDistribution,
    SquashedGaussian,
)
from rlmodule_core.distributions.diag_gaussian import LOG_STD_LIMIT
from rlmodule_core.distributions.squashed_gaussian import SQUASHED_LOG_STD_MAX
from rlmodule_core.errors import ConfigError
from rlmodule_core.testing.compare import Array

_ZERO = np.array(0.0)
_STANDARD = np.linspace(-9, 9, 2001)


class ClosedForm(ABC):
    """A batch of distributions, made from inputs `[..., input_dim]`."""

    @abstractmethod
    def logp(self, actions: Any) -> Array:
        """Log-probabilities `[...]`."""

    @abstractmethod
    def entropy(self) -> Array:
        """Entropies in nats `[...]`."""

    @abstractmethod
    def kl(self, other: Any) -> Array:
        """KL(self || other) in nats `[...]`."""

    @abstractmethod
    def mode(self) -> Any:
        """The most typical actions, arrays or nested mappings of arrays."""

    @abstractmethod
    def moments(self) -> tuple[Any, Any]:
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


class _MultiCategorical(ClosedForm):
    def __init__(self, inputs: Array, descriptor: MultiCategorical) -> None:
        logits = np.split(inputs, np.cumsum(descriptor.nvec)[:-1], axis=-1)
        starts = (0,) * len(logits) if descriptor.start is None else descriptor.start
        self.choices = [_Categorical(*choice) for choice in zip(logits, starts, strict=True)]
        self.shape = (*inputs.shape[:-1], *descriptor.event_shape)

    def logp(self, actions: Array) -> Array:
        columns = np.moveaxis(actions.reshape(*self.choices[0].probs.shape[:-1], -1), -1, 0)
        return sum((one.logp(column) for one, column in zip(self.choices, columns, strict=True)), _ZERO)

    def entropy(self) -> Array:
        return sum((one.entropy() for one in self.choices), _ZERO)

    def kl(self, other: Any) -> Array:
        pairs = zip(self.choices, other.choices, strict=True)
        return sum((one.kl(another) for one, another in pairs), _ZERO)

    def mode(self) -> Array:
        return self._joined([one.mode() for one in self.choices])

    def moments(self) -> tuple[Array, Array]:
        means, variances = zip(*(one.moments() for one in self.choices), strict=True)
        return self._joined(means), self._joined(variances)

    def _joined(self, columns: Any) -> Array:
        return np.stack(columns, axis=-1).reshape(self.shape)


class _Bernoulli(ClosedForm):
    def __init__(self, inputs: Array, shape: tuple[int, ...]) -> None:
        self.shape, odds = (*inputs.shape[:-1], *shape), np.exp(inputs.astype(np.float64))
        self.on, self.off = odds / (1 + odds), 1 / (1 + odds)

    def logp(self, actions: Array) -> Array:
        chosen = np.where(actions.reshape(self.on.shape) == 1, self.on, self.off)
        return np.asarray(np.log(chosen).sum(axis=-1))

    def entropy(self) -> Array:
        return np.asarray(-(self.on * np.log(self.on) + self.off * np.log(self.off)).sum(axis=-1))

    def kl(self, other: Any) -> Array:
        ratios = self.on * np.log(self.on / other.on) + self.off * np.log(self.off / other.off)
        return np.asarray(ratios.sum(axis=-1))

    def mode(self) -> Array:
        return np.asarray(self.on > self.off, np.int64).reshape(self.shape)

    def moments(self) -> tuple[Array, Array]:
        return self.on.reshape(self.shape), (self.on * self.off).reshape(self.shape)


class _DiagGaussian(ClosedForm):
    def __init__(self, inputs: Array, shape: tuple[int, ...], log_std_max: float = LOG_STD_LIMIT) -> None:
        self.shape = (*inputs.shape[:-1], *shape)
        self.mean, log_std = np.split(inputs.astype(np.float64), 2, axis=-1)
        self.variance = np.exp(2 * np.clip(log_std, -LOG_STD_LIMIT, log_std_max))

    def logp(self, actions: Array) -> Array:
        squared = np.square(actions.reshape(self.mean.shape) - self.mean) / self.variance
        return np.asarray(-0.5 * (squared + np.log(2 * np.pi * self.variance)).sum(axis=-1))

    def entropy(self) -> Array:
        return np.asarray(0.5 * np.log(2 * np.pi * np.e * self.variance).sum(axis=-1))

    def kl(self, other: Any) -> Array:
        ratio, shift = self.variance / other.variance, np.square(self.mean - other.mean) / other.variance
        return np.asarray(0.5 * (ratio + shift - 1 - np.log(ratio)).sum(axis=-1))

    def mode(self) -> Array:
        return self.mean.reshape(self.shape)

    def moments(self) -> tuple[Array, Array]:
        return self.mean.reshape(self.shape), self.variance.reshape(self.shape)


class _SquashedGaussian(_DiagGaussian):
    """By integrals over a fine grid where there is no formula."""

    def __init__(self, inputs: Array, descriptor: SquashedGaussian) -> None:
        super().__init__(inputs, descriptor.event_shape, SQUASHED_LOG_STD_MAX)
        low, high = np.array(descriptor.low), np.array(descriptor.high)
        self.middle, self.half = (low + high) / 2, (high - low) / 2

    def logp(self, actions: Array) -> Array:
        nearest = 1 - 2.0**-24
        unit = np.clip((actions.reshape(self.mean.shape) - self.middle) / self.half, -nearest, nearest)
        slope = self.half * (1 - np.square(unit))
        return np.asarray(super().logp(np.arctanh(unit)) - np.log(slope).sum(axis=-1))

    def entropy(self) -> Array:
        slope = self.half[:, None] / np.square(np.cosh(self._grid))
        return np.asarray(super().entropy() + self._expected(np.log(slope)).sum(axis=-1))

    def mode(self) -> Array:
        return np.asarray(self.middle + self.half * np.tanh(self.mean)).reshape(self.shape)

    def moments(self) -> tuple[Array, Array]:
        drawn = self.middle[:, None] + self.half[:, None] * np.tanh(self._grid)
        mean = self._expected(drawn)
        variance = self._expected(np.square(drawn - mean[..., None]))
        return mean.reshape(self.shape), variance.reshape(self.shape)

    @property
    def _grid(self) -> Array:
        return self.mean[..., None] + np.sqrt(self.variance)[..., None] * _STANDARD

    def _expected(self, values: Array) -> Array:
        weights = np.exp(-0.5 * np.square(_STANDARD))
        return np.asarray((values * weights).sum(axis=-1) / weights.sum())


class _Joint(ClosedForm):
    def __init__(self, inputs: Array, descriptor: MultiDistribution) -> None:
        pieces = np.split(inputs, np.cumsum([child.input_dim for child in descriptor.children])[:-1], axis=-1)
        made = (closed_form(*part) for part in zip(descriptor.children, pieces, strict=True))
        self.parts: Mapping[str, ClosedForm] = dict(zip(descriptor.keys, made, strict=True))

    def logp(self, actions: Any) -> Array:
        return sum((part.logp(actions[key]) for key, part in self.parts.items()), _ZERO)

    def entropy(self) -> Array:
        return sum((part.entropy() for part in self.parts.values()), _ZERO)

    def kl(self, other: Any) -> Array:
        return sum((part.kl(other.parts[key]) for key, part in self.parts.items()), _ZERO)

    def mode(self) -> Any:
        return {key: part.mode() for key, part in self.parts.items()}

    def moments(self) -> tuple[Any, Any]:
        both = {key: part.moments() for key, part in self.parts.items()}
        return {key: mean for key, (mean, _) in both.items()}, {key: variance for key, (_, variance) in both.items()}


@closed_form.register
def _(descriptor: Categorical, inputs: Array) -> ClosedForm:
    return _Categorical(inputs, descriptor.start)


@closed_form.register
def _(descriptor: MultiCategorical, inputs: Array) -> ClosedForm:
    return _MultiCategorical(inputs, descriptor)


@closed_form.register
def _(descriptor: Bernoulli, inputs: Array) -> ClosedForm:
    return _Bernoulli(inputs, descriptor.event_shape)


@closed_form.register
def _(descriptor: DiagGaussian, inputs: Array) -> ClosedForm:
    return _DiagGaussian(inputs, descriptor.event_shape)


@closed_form.register
def _(descriptor: SquashedGaussian, inputs: Array) -> ClosedForm:
    return _SquashedGaussian(inputs, descriptor)


@closed_form.register
def _(descriptor: MultiDistribution, inputs: Array) -> ClosedForm:
    return _Joint(inputs, descriptor)
