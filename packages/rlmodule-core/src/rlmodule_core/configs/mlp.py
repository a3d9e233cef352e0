"""Multi-layer perceptrons: as encoders, as heads, and as heads with a free log standard deviation."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rlmodule_core.configs.base import ModelConfig
from rlmodule_core.errors import ConfigError
from rlmodule_core.plans import Cast, Chain, Dense, Dims, Encoder, FreeParameter, LayerNorm, OneHot, Plan, Record
from rlmodule_core.plans.records.activation import activation_records
from rlmodule_core.plans.records.dense import HIDDEN_GAIN
from rlmodule_core.plans.sizes import require_positive, sizes_of


@dataclass(frozen=True, kw_only=True)
class _MLPConfig(ModelConfig):
    """Dense layers over one-dimensional rows: hidden ones, then an optional output layer."""

    hidden_layer_dims: Sequence[int] = (256, 256)
    hidden_layer_use_bias: bool = True
    hidden_layer_activation: str | None = "relu"
    hidden_layer_use_layernorm: bool = False
    output_layer_dim: int | None = None
    output_layer_use_bias: bool = True
    output_layer_activation: str | None = "linear"
    output_layer_gain: float = HIDDEN_GAIN

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "hidden_layer_dims", sizes_of(self, "hidden_layer_dims", self.hidden_layer_dims))
        if self.output_layer_dim is not None:
            require_positive(self, output_layer_dim=self.output_layer_dim)
        elif not self.hidden_layer_dims:
            raise ConfigError(f"{type(self).__name__} needs hidden_layer_dims, output_layer_dim or both; got neither.")

    def _records(self, rows: Dims) -> tuple[Record, ...]:
        if len(rows) != 1:
            raise ConfigError(
                f"{type(self).__name__}.input_dims must have one axis, got {self.input_dims}. "
                "Flatten the input, or use a config made for its rank."
            )
        widths = (*rows, *self.hidden_layer_dims)
        records: list[Record] = []
        for inputs, outputs in itertools.pairwise(widths):
            records.append(Dense(inputs, outputs, bias=self.hidden_layer_use_bias))
            records += [LayerNorm(outputs)] if self.hidden_layer_use_layernorm else []
            records += activation_records(self.hidden_layer_activation)
        if self.output_layer_dim is not None:
            output = Dense(widths[-1], self.output_layer_dim, self.output_layer_use_bias, self.output_layer_gain)
            records += [output, *activation_records(self.output_layer_activation)]
        return tuple(records)


@dataclass(frozen=True, kw_only=True)
class MLPHeadConfig(_MLPConfig):
    """A head: latents `[B, D]` to outputs `[B, output_layer_dim]`."""

    def plan(self) -> Chain:
        return Chain(self._records(self.input_dims))


@dataclass(frozen=True, kw_only=True)
class FreeLogStdMLPHeadConfig(_MLPConfig):
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
        means = replace(self, output_layer_dim=half)._records(self.input_dims)
        return Chain((*means, FreeParameter(half)))


@dataclass(frozen=True, kw_only=True)
class MLPEncoderConfig(_MLPConfig):
    """An encoder of vectors `[B, D]`, or of integers `[B]` when `one_hot` is set.

    Attributes:
        one_hot: how to turn integers into vectors first; `input_dims` is then `()`.
        cast: convert the observations to float32 first.
    """

    one_hot: OneHot | None = None
    cast: bool = False

    def plan(self) -> Plan:
        before: tuple[Record, ...] = (Cast(),) if self.cast else ()
        before += () if self.one_hot is None else (self.one_hot,)
        rows = Chain(before).output_dims(self.input_dims)
        return Encoder(Chain(before + self._records(rows)))
