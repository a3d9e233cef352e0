"""What stops an update, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.backend.base import Backend
from rlmodule_core.errors import ConfigError, NotANumberError


def not_finite(backend: Backend, suspects: Iterable[tuple[str, Mapping[str, Any]]]) -> NotANumberError:
    """The error for a step that is not taken, which names the first thing that is not finite.

    Args:
        backend: of the tensors.
        suspects: from the data to the gradients: what they are, and native tensors by name.
    """
    for kind, tensors in suspects:
        for name, array in _floats(backend.to_numpy(tensors)):
            bad = np.argwhere(~np.isfinite(array))
            if len(bad):
                return NotANumberError(
                    f"The {kind} {name!r} is not finite, first at index {bad[0].tolist()}. The optimizer did not "
                    "step, so the weights are the last good ones. Lower lr, set grad_clip, or look at the data."
                )
    return NotANumberError(
        "The global gradient norm overflowed. The optimizer did not step. Lower lr or scale the loss down."
    )


def constant_loss(module: Any) -> ConfigError:
    """The error for a loss that no weight can change."""
    return ConfigError(
        f"The loss of {type(module).__name__} does not depend on its weights: _forward_train must return tensors "
        "that are computed from them, neither detached nor within without_gradients()."
    )


def hidden_weights(module: Any, names: Iterable[str]) -> ConfigError:
    """The error for weights that a forward computes with, but that no attribute of the module leads to."""
    return ConfigError(
        f"{type(module).__name__} computes with weights that none of its attributes lead to, so that they would be "
        f"neither trained nor saved: {', '.join(names)}. Assign the layers to attributes in setup(), alone or in a "
        "dict, list or tuple; sets, functions and objects of other classes hide them."
    )


def _floats(arrays: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, NDArray[Any]]]:
    for name, value in arrays.items():
        if isinstance(value, Mapping):
            yield from _floats(value, f"{prefix}{name}.")
        elif isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating):
            yield f"{prefix}{name}", value
