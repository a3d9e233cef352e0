"""What `get_initial_state` may give."""

from __future__ import annotations

from collections.abc import Mapping

from rlmodule_core.errors import SpecCheckingError


def carries_state(module: object, state: object) -> bool:
    """Whether the state that a module gives for an episode's start holds anything.

    Raises:
        SpecCheckingError: it is no mapping.
    """
    if not isinstance(state, Mapping):
        raise SpecCheckingError(
            f"{type(module).__name__}.get_initial_state() must return a dict of arrays, empty for a module that "
            f"carries no state, got a {type(state).__name__}."
        )
    return bool(state)
