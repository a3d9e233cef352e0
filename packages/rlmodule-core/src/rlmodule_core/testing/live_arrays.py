"""The arrays that a network really computes with, as views."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from rlmodule_core.backend import Backend, TensorBackend
from rlmodule_core.plans import Weights
from rlmodule_core.testing.compare import Array, require, require_close
from rlmodule_core.testing.random_weights import perturbed

_WHAT = "after new weights were set, the array that held {!r} before"


def require_written_in_place(
    backend: Backend, network: Any, get: Callable[[], Weights], put: Callable[[Weights], None]
) -> None:
    """Fail unless `put` writes into the arrays that `network` had before.

    Whoever holds these arrays (an optimizer, a stack of several networks) would else go on with old ones.
    """
    put(perturbed(get(), 1))
    if isinstance(backend, TensorBackend):
        weights, after = backend.named_weights(network), perturbed(get(), 2)
        put(after)
        for name, array in after.items():
            require_close(backend.copy_of(weights[name]), array, _WHAT.format(name))
        return
    found = [backend.to_numpy(tensor) for tensor in _tensors(network, backend.ops.tensor_type, set())]
    if not found:
        pytest.skip(f"No tensors can be seen among the attributes of a {type(network).__name__}.")
    before, after = get(), perturbed(get(), 2)
    views = {name: _view(name, array, found) for name, array in before.items()}
    put(after)
    for name, view in views.items():
        require_close(view, after[name], _WHAT.format(name))


def _view(name: str, array: Array, found: Sequence[Array]) -> Array:
    views = [view for view in found if np.array_equal(view, array)]
    require(views, f"{name!r}: expected a tensor of the network that holds what is read under this name, got none.")
    return views[0]


def _tensors(node: Any, kind: type[Any], seen: set[int]) -> Iterator[Any]:
    if id(node) in seen or isinstance(node, type):
        return
    seen.add(id(node))
    if isinstance(node, kind):
        yield node
        return
    if isinstance(node, Mapping):
        inside = list(node.values())
    elif isinstance(node, list | tuple):
        inside = list(node)
    else:
        inside = list(getattr(node, "__dict__", {}).values())
    for item in inside:
        yield from _tensors(item, kind, seen)
