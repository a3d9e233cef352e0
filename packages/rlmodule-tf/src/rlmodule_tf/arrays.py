"""Tensors in other shapes and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def as_array(tensor: Any) -> NDArray[Any]:
    """A copy of the tensor or variable in numpy."""
    array = np.asarray(tensor.numpy())
    # bfloat16 and float8 are guests in numpy; float32 holds every value of theirs exactly.
    return array if array.dtype.kind in "biuf" else array.astype(np.float32)


def reshaped(x: Any, shape: Sequence[int | None]) -> Any:
    """The tensor in a shape of which at most one size, not known while a graph is traced, is None."""
    return tf.reshape(x, [-1 if size is None else size for size in shape])
