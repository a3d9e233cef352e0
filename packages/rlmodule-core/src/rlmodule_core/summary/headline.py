"""A module in one line."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from rlmodule_core.spaces.nested import is_nested, sub_spaces
from rlmodule_core.summary.names import dotted

_LONGEST = 48


def headline(module: Any) -> str:
    """The class, the framework and the spaces of an RLModule: `OwnModule(torch, Box(0.0, 1.0, (4,), float32) -> ...)`.

    It works at every moment, in `setup` and before any constructor has run, and copies no weights.
    """
    config = vars(module).get("config")
    spaces = "" if config is None else f", {_short(config.observation_space)} -> {_short(config.action_space)}"
    return f"{type(module).__name__}({module.framework}{spaces})"


def _short(space: gym.Space[Any] | None) -> str:
    if is_nested(space):
        return f"{type(space).__name__}({', '.join(dotted([key]) for key in sub_spaces(space))})"
    text = " ".join(str(space).split())
    return text if space is None or len(text) <= _LONGEST else f"{type(space).__name__}{space.shape}"
