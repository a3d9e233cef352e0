"""Names of dtypes, told without importing the framework that owns them."""

from __future__ import annotations

import numpy as np


def dtype_name(dtype: object) -> str:
    """The name of a dtype, the same in every framework: 'float32' for np.float32 and torch.float32 alike."""
    if isinstance(dtype, type) and (issubclass(dtype, np.generic) or dtype in (bool, int, float)):
        return np.dtype(dtype).name
    name = getattr(dtype, "name", None)
    text = name if isinstance(name, str) else str(dtype)
    return text.rpartition(".")[2]
