"""The generator that fresh networks draw their first weights from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

_current: ContextVar[np.random.Generator | None] = ContextVar("rlmodule_initial_rng", default=None)


def initial_rng() -> np.random.Generator:
    """The generator of the surrounding `initialising` block, or a fresh one seeded by the system."""
    generator = _current.get()
    return np.random.default_rng() if generator is None else generator


@contextmanager
def initialising(seed: int | None) -> Iterator[None]:
    """Within the block, networks are lowered with first weights that follow from `seed` alone."""
    token = _current.set(np.random.default_rng(seed))
    try:
        yield
    finally:
        _current.reset(token)
