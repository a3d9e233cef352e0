"""Which dtype a batch has when it enters a network."""

from __future__ import annotations

from typing import Any

import numpy as np


def network_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which a batch of that dtype enters a network."""
    if np.issubdtype(dtype, np.floating):
        return np.dtype(np.float32)
    if np.issubdtype(dtype, np.integer) and dtype != np.uint8:
        return np.dtype(np.int64)
    return dtype
