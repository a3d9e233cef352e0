"""Convolutional encoders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rlmodule_core.configs.conv_filters import ConvFilter, default_filters, parse_filters
from rlmodule_core.configs.mlp import MLPConfig
from rlmodule_core.errors import ConfigError
from rlmodule_core.plans import Chain, Conv2D, Dims, Encoder, Flatten, LayerNorm, Plan, Record
from rlmodule_core.plans.records.activation import activation_records
from rlmodule_core.plans.records.conv2d import same_padding
from rlmodule_core.plans.records.dense import HIDDEN_GAIN


@dataclass(frozen=True, kw_only=True)
class CNNEncoderConfig(MLPConfig):
    """An encoder of images `[B, H, W, C]`: convolutions, then dense layers over the flattened map.

    The dense layers bring the map, whose size follows from that of the image, to one width: heads, and a recurrent
    cell behind them, then cost the same for every image.

    Attributes:
        cnn_filter_specifiers: a list of [kernels, kernel size, stride] and optionally "same" (the default) or "valid";
            None takes those of `default_filters` for the size of the image.
        cnn_use_bias: add a bias behind each convolution.
        cnn_activation: behind each convolution.
        cnn_use_layernorm: normalise over height, width and channels before each activation.
        cnn_gain: of the kernels' first weights.
        cnn_weights_initializer: how those are drawn.
        before: records that make images of the observations, such as `(Scale(),)`.
        hidden_layer_dims: sizes of the dense layers; with none, and no `output_layer_dim`, the map is the output.
    """

    hidden_layer_dims: Sequence[int] = (256,)
    cnn_filter_specifiers: Sequence[Any] | None = None
    cnn_use_bias: bool = True
    cnn_activation: str | None = "relu"
    cnn_use_layernorm: bool = False
    cnn_gain: float = HIDDEN_GAIN
    cnn_weights_initializer: str = "orthogonal"
    before: Sequence[Record] = ()

    needs_a_layer: ClassVar[bool] = False

    def plan(self) -> Plan:
        before = tuple(self.before)
        rows = Chain(before).output_dims(self.input_dims)
        if len(rows) != 3:
            raise ConfigError(
                f"CNNEncoderConfig.input_dims must be (height, width, channels), got {rows}. Records in `before`, such "
                "as Transpose and Flatten, can make it so."
            )
        convolutions = self._convolutions(rows)
        flat = (*before, *convolutions, Flatten(3))
        return Encoder(Chain((*flat, *self.dense_records(Chain(flat).output_dims(self.input_dims)))))

    def _convolutions(self, rows: Dims) -> tuple[Record, ...]:
        given = self.cnn_filter_specifiers
        filters = default_filters(*rows[:2]) if given is None else parse_filters(given)
        records: list[Record] = []
        for each in filters:
            convolution = self._convolution(each, rows)
            records.append(convolution)
            records += [LayerNorm(each.outputs, axes=3)] if self.cnn_use_layernorm else []
            records += activation_records(self.cnn_activation)
            rows = convolution.output_dims(rows)
        return tuple(records)

    def _convolution(self, each: ConvFilter, rows: Dims) -> Conv2D:
        sides = zip(rows[:2], each.kernel, each.stride, strict=True)
        padding = [zeros for side in sides for zeros in (same_padding(*side) if each.padding == "same" else (0, 0))]
        return Conv2D(
            rows[2],
            each.outputs,
            each.kernel,
            each.stride,
            tuple(padding),
            self.cnn_use_bias,
            self.cnn_gain,
            self.cnn_weights_initializer,
        )
