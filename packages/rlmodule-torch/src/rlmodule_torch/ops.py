"""The tensor functions, in torch."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rlmodule_core import Rng


class TorchRng:
    """A torch generator on the CPU; draws for other devices are moved there, so that seeds mean the same."""

    def __init__(self, seed: int | None) -> None:
        self.generator = torch.Generator()
        if seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(seed)

    def get_state(self) -> Mapping[str, Any]:
        return {"torch_generator": base64.b64encode(self.generator.get_state().numpy().tobytes()).decode()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        raw = bytearray(base64.b64decode(state["torch_generator"]))
        self.generator.set_state(torch.frombuffer(raw, dtype=torch.uint8))


_SYSTEM_SEEDED = TorchRng(None)


class TorchOps:
    """See `rlmodule_core.Ops` for what each function means."""

    tensor_type = Tensor

    def dtype_name(self, tensor_or_dtype: Any) -> str:
        dtype = tensor_or_dtype.dtype if isinstance(tensor_or_dtype, Tensor) else tensor_or_dtype
        return str(dtype).removeprefix("torch.")

    def full(self, shape: Sequence[int], value: float, dtype: str) -> Tensor:
        return torch.full(tuple(shape), value, dtype=_dtype(dtype))

    def constant(self, values: Sequence[float], like: Tensor) -> Tensor:
        return torch.tensor(list(values), dtype=like.dtype, device=like.device)

    def cast(self, x: Tensor, dtype: str) -> Tensor:
        return x.to(_dtype(dtype))

    def stop_gradient(self, x: Tensor) -> Tensor:
        return x.detach()

    def exp(self, x: Tensor) -> Tensor:
        return torch.exp(x)

    def log(self, x: Tensor) -> Tensor:
        return torch.log(x)

    def square(self, x: Tensor) -> Tensor:
        return torch.square(x)

    def tanh(self, x: Tensor) -> Tensor:
        return torch.tanh(x)

    def softplus(self, x: Tensor) -> Tensor:
        return torch.nn.functional.softplus(x)

    def minimum(self, x: Tensor, y: Tensor | float) -> Tensor:
        return torch.minimum(x, y) if isinstance(y, Tensor) else torch.clamp(x, max=y)

    def maximum(self, x: Tensor, y: Tensor | float) -> Tensor:
        return torch.maximum(x, y) if isinstance(y, Tensor) else torch.clamp(x, min=y)

    def clip(self, x: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
        return self.minimum(self.maximum(x, low), high)

    def where(self, condition: Tensor, x: Tensor | float, y: Tensor | float) -> Tensor:
        return torch.where(condition, x, y)

    def zeros_like(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)

    def sum(self, x: Tensor, axis: int | None = None) -> Tensor:
        return torch.sum(x) if axis is None else torch.sum(x, dim=axis)

    def mean(self, x: Tensor, axis: int | None = None) -> Tensor:
        return torch.mean(x) if axis is None else torch.mean(x, dim=axis)

    def log_softmax(self, x: Tensor) -> Tensor:
        return torch.log_softmax(x, dim=-1)

    def argmax(self, x: Tensor) -> Tensor:
        return torch.argmax(x, dim=-1)

    def gather(self, x: Tensor, index: Tensor) -> Tensor:
        return torch.gather(x, -1, index.unsqueeze(-1).long()).squeeze(-1)

    def select(self, x: Tensor, mask: Tensor) -> Tensor:
        # Not `x[mask]`: the gradient of that is several times as slow.
        rows = mask.reshape(-1).nonzero().squeeze(-1)
        return x.reshape(-1, *x.shape[mask.ndim :]).index_select(0, rows)

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        return x.reshape(tuple(shape))

    def split(self, x: Tensor, sizes: Sequence[int]) -> Sequence[Tensor]:
        return torch.split(x, list(sizes), dim=-1)

    def concat(self, tensors: Sequence[Tensor], axis: int) -> Tensor:
        return torch.cat(list(tensors), dim=axis)

    def random_normal(self, rng: Rng | None, like: Tensor) -> Tensor:
        draws = torch.empty(like.shape, dtype=like.dtype).normal_(generator=_generator(rng))
        return draws.to(like.device)

    def random_uniform(self, rng: Rng | None, like: Tensor) -> Tensor:
        draws = torch.empty(like.shape, dtype=like.dtype).uniform_(generator=_generator(rng))
        return draws.to(like.device)

    def random_categorical(self, rng: Rng | None, logits: Tensor) -> Tensor:
        # The smallest of exponential clocks with rates exp(logits) rings first: Gumbel's trick without two logarithms.
        clocks = torch.empty(logits.shape).exponential_(generator=_generator(rng))
        return torch.argmax(logits.detach() - torch.log(clocks).to(logits.device), dim=-1)


def _generator(rng: Rng | None) -> torch.Generator:
    source = _SYSTEM_SEEDED if rng is None else rng
    if not isinstance(source, TorchRng):
        raise TypeError(f"The torch backend draws from get_backend('torch').rng(seed), got {type(source).__name__}.")
    return source.generator


def _dtype(name: str) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, name)
    return dtype


OPS = TorchOps()
