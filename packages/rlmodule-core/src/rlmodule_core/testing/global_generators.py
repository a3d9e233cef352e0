"""Who touched the generators that belong to nobody?"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from rlmodule_core.testing.compare import require


@contextmanager
def global_generators_untouched(what: str) -> Iterator[None]:
    """Fail where the block draws from, or seeds, a generator that the whole process shares."""
    before = _states()
    yield
    touched = [name for name, state in _states().items() if before.get(name, state) != state]
    require(not touched, f"{what}: expected global generators untouched, got another state of {', '.join(touched)}.")


def _states() -> dict[str, str]:
    states = {"random": repr(random.getstate()), "numpy": _bits(np.random.get_state(legacy=False))}
    # Never imported here: only where somebody uses the framework has it a generator to touch.
    torch = sys.modules.get("torch")
    return states if torch is None else {**states, "torch": torch.get_rng_state().numpy().tobytes().hex()}


def _bits(state: object) -> str:
    with np.printoptions(threshold=sys.maxsize):
        return repr(state)
