"""Whether every row of a batch of masked observations leaves something to choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.columns import Columns
from rlmodule_core.distributions import without_legal_action
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.spaces import batch_misfit, mask_space, to_mappings


def rows_without_action(module: RLModule, obs: Any) -> NDArray[np.bool_] | None:
    """The rows in which the action mask leaves no legal action; None where all have one, or nothing is masked.

    Args:
        module: the module that is to act.
        obs: a batch `[B, ...]` of its observations, in numpy.
    """
    descriptor = module.mask_descriptor()
    if descriptor is None:
        return None
    space = None if module.config is None else mask_space(module.config.observation_space)
    mask = obs.get(Columns.ACTION_MASK) if isinstance(obs, Mapping) else None
    if space is None or mask is None or batch_misfit(Columns.ACTION_MASK, space, mask):
        # What is missing or misshapen is named by the specs of the forwards.
        return None
    rows = without_legal_action(descriptor, to_mappings(space, mask))
    return rows if rows.any() else None
