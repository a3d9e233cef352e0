"""Multi-layer perceptrons: as encoders, as heads, and as heads with a free log standard deviation."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rlmodule_core.configs.base import ModelConfig
from rlmodule_core.errors import ConfigError
from rlmodule_core.plans import Cast, Chain, Dense, Dims, Encoder, FreeParameter, LayerNorm, OneHot, Plan, Record
from rlmodule_core.plans.records.activation import activation_records
from rlmodule_core.plans.records.dense import HIDDEN_GAIN
from rlmodule_core.plans.sizes import require_positive, sizes_of


@dataclass(frozen=True, kw_only=True)
class MLPConfig(ModelConfig):
    """Dense layers over one-dimensional rows: hidden ones, then an optional output layer."""

    hidden_layer_dims: Sequence[int] = (256, 256)
    hidden_layer_use_bias: bool = True
    hidden_layer_activation: str | None = "relu"
    hidden_layer_use_layernorm: bool = False
    output_layer_dim: int | None = None
    output_layer_use_bias: bool = True
    output_layer_activation: str | None = "linear"
    output_layer_gain: float = HIDDEN_GAIN
    hidden_layer_gain: float = HIDDEN_GAIN
    weights_initializer: str = "orthogonal"

    needs_a_layer: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "hidden_layer_dims", sizes_of(self, "hidden_layer_dims", self.hidden_layer_dims))
        if self.output_layer_dim is not None:
            require_positive(self, output_layer_dim=self.output_layer_dim)
        elif self.needs_a_layer and not self.hidden_layer_dims:
            raise ConfigError(f"{type(self).__name__} needs hidden_layer_dims, output_layer_dim or both; got neither.")

    def dense_records(self, rows: Dims) -> tuple[Record, ...]:
        """The layers over rows of this shape."""
        if len(rows) != 1:
            raise ConfigError(
                f"{type(self).__name__}.input_dims must have one axis, got {self.input_dims}. "
                "Flatten the input (a Flatten record in `before` does), or use a config made for its rank."
            )
        widths = (*rows, *self.hidden_layer_dims)
        records: list[Record] = []
        initializer = self.weights_initializer
        for inputs, outputs in itertools.pairwise(widths):
            records.append(Dense(inputs, outputs, self.hidden_layer_use_bias, self.hidden_layer_gain, initializer))
            records += [LayerNorm(outputs)] if self.hidden_layer_use_layernorm else []
            records += activation_records(self.hidden_layer_activation)
        if self.output_layer_dim is not None:
            bias, gain = self.output_layer_use_bias, self.output_layer_gain
            output = Dense(widths[-1], self.output_layer_dim, bias, gain, initializer)
            records += [output, *activation_records(self.output_layer_activation)]
        return tuple(records)


@dataclass(frozen=True, kw_only=True)
class MLPHeadConfig(MLPConfig):
    """A head: latents `[B, D]` to outputs `[B, output_layer_dim]`."""

    def plan(self) -> Chain:
        return Chain(self.dense_records(self.input_dims))


@dataclass(frozen=True, kw_only=True)
class FreeLogStdMLPHeadConfig(MLPConfig):
    """A head whose second half of outputs is a trainable vector, the same for every input.

    The network yields the first half (the means of a Gaussian): latents `[B, D]` to `[B, output_layer_dim]`.
    """

    def plan(self) -> Chain:
        if self.output_layer_dim is None or self.output_layer_dim % 2:
            raise ConfigError(
                "FreeLogStdMLPHeadConfig.output_layer_dim must be even (means and log standard deviations), "
                f"got {self.output_layer_dim!r}."
            )
        half = self.output_layer_dim // 2
        means = replace(self, output_layer_dim=half).dense_records(self.input_dims)
        return Chain((*means, FreeParameter(half)))


@dataclass(frozen=True, kw_only=True)
class MLPEncoderConfig(MLPConfig):
    """An encoder of vectors `[B, D]`, or of what becomes vectors first.

    Attributes:
        one_hot: how to turn integers `[B]` into vectors first; `input_dims` is then `()`.
        cast: convert the observations to float32 first.
        before: other records that make vectors of the observations, such as `(Flatten(2),)`.
    """

    one_hot: OneHot | None = None
    cast: bool = False
    before: Sequence[Record] = ()

    def plan(self) -> Plan:
        before: tuple[Record, ...] = (Cast(),) if self.cast else ()
        before += () if self.one_hot is None else (self.one_hot,)
        before += tuple(self.before)
        rows = Chain(before).output_dims(self.input_dims)
        return Encoder(Chain(before + self.dense_records(rows)))
