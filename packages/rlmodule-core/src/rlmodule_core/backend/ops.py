"""The tensor functions that neutral code is written over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Tensor = Any
"""A native tensor of the backend at hand: np.ndarray, torch.Tensor or tf.Tensor."""


class Rng(Protocol):
    """A random generator with one owner and a JSON-able state."""

    def get_state(self) -> Mapping[str, Any]:
        """The state as JSON-able data."""

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `get_state` gave."""


class Ops(Protocol):
    """Tensor functions of one framework, all with the same meaning.

    `axis` counts from the end with negative numbers. Reductions drop the axis unless `keepdims`. Where `rng` is
    None, draws come from a generator of the backend's own that the system seeded.
    """

    @property
    def tensor_type(self) -> type:
        """The class of the native tensors."""

    def dtype_name(self, tensor_or_dtype: Any) -> str:
        """The numpy-style name of a dtype, such as "float32"."""

    def full(self, shape: Sequence[int], value: float, dtype: str) -> Tensor:
        """A tensor of one repeated value."""

    def constant(self, values: Sequence[float], like: Tensor) -> Tensor:
        """Numbers in a row, of the dtype and on the device of `like`."""

    def cast(self, x: Tensor, dtype: str) -> Tensor:
        """Convert to the dtype of that name."""

    def stop_gradient(self, x: Tensor) -> Tensor:
        """The same values, constant for differentiation."""

    def exp(self, x: Tensor) -> Tensor: ...
    def log(self, x: Tensor) -> Tensor: ...
    def square(self, x: Tensor) -> Tensor: ...
    def tanh(self, x: Tensor) -> Tensor: ...
    def softplus(self, x: Tensor) -> Tensor:
        """`log(1 + exp(x))`, which cannot overflow."""

    def minimum(self, x: Tensor, y: Tensor | float) -> Tensor: ...
    def maximum(self, x: Tensor, y: Tensor | float) -> Tensor: ...
    def clip(self, x: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor: ...
    def where(self, condition: Tensor, x: Tensor | float, y: Tensor | float) -> Tensor: ...
    def zeros_like(self, x: Tensor) -> Tensor: ...

    def sum(self, x: Tensor, axis: int | None = None) -> Tensor: ...
    def mean(self, x: Tensor, axis: int | None = None) -> Tensor: ...
    def log_softmax(self, x: Tensor) -> Tensor:
        """Logarithm of the softmax over the last axis."""

    def argmax(self, x: Tensor) -> Tensor:
        """Index of the largest entry of the last axis, int64."""

    def gather(self, x: Tensor, index: Tensor) -> Tensor:
        """Pick one entry of the last axis: `x [..., n]`, integers `index [...]`, result `[...]`."""

    def select(self, x: Tensor, mask: Tensor) -> Tensor:
        """Those rows of `x [N, ...]` where the bool `mask [N]` is True, in their order; with more axes likewise."""

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """The same entries in the same order, in another shape."""

    def split(self, x: Tensor, sizes: Sequence[int]) -> Sequence[Tensor]:
        """Cut the last axis into pieces of these sizes."""

    def concat(self, tensors: Sequence[Tensor], axis: int) -> Tensor: ...

    def random_normal(self, rng: Rng | None, like: Tensor) -> Tensor:
        """Standard normal draws of the shape and dtype of `like`."""

    def random_uniform(self, rng: Rng | None, like: Tensor) -> Tensor:
        """Draws from 0 to below 1, of the shape and dtype of `like`."""

    def random_categorical(self, rng: Rng | None, logits: Tensor) -> Tensor:
        """One index per row, drawn by unnormalised log-probabilities: `[..., n]` to int64 `[...]`."""
