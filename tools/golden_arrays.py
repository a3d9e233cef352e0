"""Arrays as text that a person can read."""

from __future__ import annotations

from typing import Any

import numpy as np


def encode(tree: Any) -> Any:
    """Arrays as text such as "float32(2, 3) 0.5 1.25", exactly."""
    if isinstance(tree, dict):
        return {key: encode(value) for key, value in tree.items()}
    return f"{tree.dtype}{tree.shape} {' '.join(map(str, tree.ravel()))}"


def decode(tree: Any) -> Any:
    """What `encode` wrote."""
    if isinstance(tree, dict):
        return {key: decode(value) for key, value in tree.items()}
    header, _, numbers = tree.partition(") ")
    dtype, _, shape = header.partition("(")
    return np.array(numbers.split(), dtype).reshape([int(size) for size in shape.split(",") if size.strip()])
