"""Which module acts: the learner's own, or its numpy twin."""

from __future__ import annotations

import math

from rlmodule_core import ConfigError, RLModule
from rlmodule_core.plans import Plan, multiply_adds
from rlmodule_core.spaces import leaf_spaces

NUMPY_LIMIT = 200_000
"""Multiply-adds per row up to which numpy acts faster than a framework."""


def acting_module(module: RLModule, act_with: str) -> RLModule:
    """The module to act with: a numpy twin where `act_with` says so, else the module itself.

    "auto" decides by a static rule: a portable module whose networks cost few multiply-adds acts in numpy.

    Raises:
        ConfigError: `act_with="numpy"`, but the module is not portable; names the part.
    """
    gap = module.non_portable_part()
    if act_with == "numpy" and gap is not None:
        raise ConfigError(
            f"act_with='numpy' is not possible for {type(module).__name__} because of {gap}. Use act_with='module'."
        )
    if act_with == "numpy" or (act_with == "auto" and gap is None and is_small(module)):
        return module.to_framework("numpy")
    return module


def is_small(module: RLModule) -> bool:
    """Whether the module's networks are so small that threads and frameworks cost more than they give."""
    if module.non_portable_part() is not None:
        return _is_small_by_weights(module)
    plans = module.frozen_plans()
    space = None if module.config is None else module.config.observation_space
    rows = () if space is None or space.shape is None else space.shape
    latents = plans.encoder.output_dims(rows)
    parts: list[tuple[Plan, tuple[int, ...]]] = [(plans.encoder, rows), (plans.pi, latents), (plans.vf, latents)]
    return sum(multiply_adds(plan, dims) for plan, dims in parts) < NUMPY_LIMIT


def _is_small_by_weights(module: RLModule) -> bool:
    # A row costs at most one multiply-add for each weight and each place of its observation: in layers over vectors
    # there is one place, in convolutions over images there is one for every pixel, in graphs for every node.
    space = None if module.config is None else module.config.observation_space
    if space is None or any(part.shape is None for _, part in leaf_spaces(space)):
        return False
    places = max((math.prod((part.shape or ())[:-1]) for _, part in leaf_spaces(space)), default=1)
    return places * sum(weight.size for weight in module.get_state().values()) < NUMPY_LIMIT
