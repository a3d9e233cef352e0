"""How many threads small networks are computed on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController

from rlmodule_core import TrainingBackend


@contextmanager
def limited_threads(backend: TrainingBackend, count: int | None) -> Iterator[None]:
    """Within the block, the framework and numpy compute on `count` threads; None leaves both as they are.

    Threads that wait for small products spin, and take the processor from whoever could use it: on a busy machine
    that makes small networks several times slower.
    """
    if count is None:
        yield
        return
    with backend.limited_threads(count), _libraries().limit(limits=count, user_api="blas"):
        yield


@lru_cache(maxsize=1)
def _libraries() -> ThreadpoolController:
    # Finding the loaded libraries takes milliseconds; by now numpy and the framework are loaded.
    return ThreadpoolController()
