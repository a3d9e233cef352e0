"""Each record as a torch layer: lowering by type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from rlmodule_core.plans import (
    GRU,
    LSTM,
    Activation,
    Attend,
    Cast,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    FreeParameter,
    LayerNorm,
    Lowered,
    MultiOneHot,
    Normalise,
    OneHot,
    Plan,
    Record,
    Scale,
    Transpose,
    no_layer,
)
from rlmodule_torch.attention import attend
from rlmodule_torch.conv2d import conv2d
from rlmodule_torch.recurrent import gru, lstm

Apply = Callable[[Tensor], Tensor]


class Layer(nn.Module, Lowered):
    """A lowered record: registers its weights by leaf name and applies them."""

    def __init__(self, record: Record, weights: Mapping[str, Any]) -> None:
        super().__init__()
        self.plan = record
        untrained = record.untrained_leaves()
        for leaf, array in weights.items():
            if leaf in untrained:
                self.register_buffer(leaf, torch.tensor(array))
            else:
                self.register_parameter(leaf, nn.Parameter(torch.tensor(array)))
        self._function = function_of(record)

    def forward(self, x: Any) -> Any:
        return self._function(self, x)

    def __getstate__(self) -> dict[str, Any]:
        # The function may be a closure, which pickle cannot take; the record makes it again.
        return {key: value for key, value in self.__dict__.items() if key != "_function"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._function = function_of(self.plan)

    def extra_repr(self) -> str:
        return repr(self.plan)


@singledispatch
def function_of(record: Plan) -> Callable[[Any, Any], Any]:
    """The function of (layer, input) that applies a record; weights are the layer's attributes."""
    raise no_layer("torch", record)


@function_of.register
def _(record: Dense) -> Callable[[Any, Tensor], Tensor]:
    if record.bias:
        return lambda layer, x: F.linear(x, _weight(layer, "weight"), _weight(layer, "bias"))
    return lambda layer, x: F.linear(x, _weight(layer, "weight"))


@function_of.register
def _(record: Activation) -> Callable[[Any, Tensor], Tensor]:
    function = _ACTIVATIONS[record.name]
    return lambda layer, x: function(x)


@function_of.register
def _(record: LayerNorm) -> Callable[[Any, Tensor], Tensor]:
    shape, eps, axes = [record.size], record.eps, tuple(range(-record.axes, 0))
    if record.axes > 1:
        return lambda layer, x: _standardised(x, axes, eps) * layer.weight + layer.bias
    return lambda layer, x: F.layer_norm(x, shape, layer.weight, layer.bias, eps)


@function_of.register
def _(record: Normalise) -> Callable[[Any, Tensor], Tensor]:
    eps, clip = record.eps, record.clip
    return lambda layer, x: ((x - layer.mean) / (layer.variance + eps).sqrt()).clamp(-clip, clip)


@function_of.register
def _(record: OneHot) -> Callable[[Any, Tensor], Tensor]:
    start, stop = record.start, record.start + record.size
    return lambda layer, x: (x.unsqueeze(-1) == torch.arange(start, stop, device=x.device)).float()


@function_of.register
def _(record: Cast) -> Callable[[Any, Tensor], Tensor]:
    return lambda layer, x: x.float()


@function_of.register
def _(record: FreeParameter) -> Callable[[Any, Tensor], Tensor]:
    size = record.size
    return lambda layer, x: torch.cat([x, layer.value.expand(*x.shape[:-1], size)], dim=-1)


@function_of.register
def _(record: Conv2D) -> Callable[[Any, Tensor], Tensor]:
    bias = record.bias
    return lambda layer, x: conv2d(x, record, _weight(layer, "weight"), _weight(layer, "bias") if bias else None)


@function_of.register
def _(record: Flatten) -> Callable[[Any, Tensor], Tensor]:
    return lambda layer, x: x.reshape(record.output_dims(x.shape))


@function_of.register
def _(record: Transpose) -> Callable[[Any, Tensor], Tensor]:
    return lambda layer, x: x.permute(record.permutation(x.dim()))


@function_of.register
def _(record: Scale) -> Callable[[Any, Tensor], Tensor]:
    divisor = record.divisor
    return lambda layer, x: x.float() / divisor


@function_of.register
def _(record: MultiOneHot) -> Callable[[Any, Tensor], Tensor]:
    values, entries = torch.tensor(record.values), torch.tensor(record.entries)
    return lambda layer, x: (x[..., entries.to(x.device)] == values.to(x.device)).float()


@function_of.register
def _(record: Concat) -> Callable[[Any, Any], Tensor]:
    axis = record.axis
    return lambda layer, tensors: torch.cat(tensors, dim=axis)


@function_of.register
def _(record: LSTM) -> Callable[[Any, Any], Any]:
    return lambda layer, inputs: lstm(inputs, record, _weights(layer))


@function_of.register
def _(record: GRU) -> Callable[[Any, Any], Any]:
    return lambda layer, inputs: gru(inputs, record, _weights(layer))


@function_of.register
def _(record: Attend) -> Callable[[Any, Any], Any]:
    return lambda layer, inputs: attend(inputs, record, _weight(layer, "bias"))


def _standardised(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    centred = x - x.mean(dim=axes, keepdim=True)
    return centred * torch.rsqrt(centred.square().mean(dim=axes, keepdim=True) + eps)


def _weight(layer: nn.Module, leaf: str) -> Any:
    # Attributes of an nn.Module are slow to find; one that was parametrised or pruned is no parameter any more.
    weight = layer._parameters.get(leaf)
    return getattr(layer, leaf) if weight is None else weight


def _weights(layer: Any) -> dict[str, Any]:
    return {leaf: _weight(layer, leaf) for leaf in layer.plan.weight_shapes()}


_ACTIVATIONS: dict[str, Apply] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "elu": F.elu,
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
}
