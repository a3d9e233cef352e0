"""Batches of a space's own observations."""

from __future__ import annotations

import copy
import math
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector.utils import concatenate, create_empty_array

from rlmodule_core.backend import get_backend
from rlmodule_core.columns import Columns
from rlmodule_core.module.previous_inputs import PreviousInputs
from rlmodule_core.module.recurrent import initial_state
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.spaces import map_leaves, to_mappings
from rlmodule_core.testing.sequences import STEPS, without_first_row


def observations(space: gym.Space[Any], *, rows: int = 6, seed: int = 0) -> Any:
    """A batch `[rows, ...]` of samples of the space, as a vector environment would give them."""
    seeded = copy.deepcopy(space)
    seeded.seed(seed)
    empty: Any = create_empty_array(space, rows)
    return concatenate(space, [seeded.sample() for _ in range(rows)], empty)


def native_batch(module: RLModule, space: gym.Space[Any], *, rows: int = 6) -> dict[str, Any]:
    """A batch that the module's forwards take, as native tensors: observations, and what else its specs ask for.

    Of a module that remembers `[rows, STEPS, ...]`, and a state that has seen something in every row but the first.
    """
    if not module.is_stateful():
        return _columns(module, space, (rows,), seed=0)
    start = initial_state(module, rows)
    # Fewer steps than are to come, so that a memory is filled in part.
    seen = _columns(module, space, (rows, 2), seed=1)
    seen[Columns.STATE_IN] = module.backend.batch(None, start, like=module)
    state = module.backend.to_numpy(module.forward_exploration(seen)[Columns.STATE_OUT])
    native = module.backend.batch(None, without_first_row(state, start), like=module)
    return {**_columns(module, space, (rows, STEPS), seed=0), Columns.STATE_IN: native}


def _columns(module: RLModule, space: gym.Space[Any], leading: tuple[int, ...], *, seed: int) -> dict[str, Any]:
    rows = math.prod(leading)
    obs = get_backend("numpy").batch(space, observations(space, rows=rows, seed=seed))
    columns = {Columns.OBS: obs, **_previous(module, rows, seed=seed)}
    shaped = map_leaves(lambda leaf: leaf.reshape(*leading, *leaf.shape[1:]), columns)
    native: dict[str, Any] = module.backend.batch(None, shaped, like=module)
    return native


def _previous(module: RLModule, rows: int, *, seed: int) -> dict[str, Any]:
    previous = PreviousInputs.of(module, module.input_specs_train())
    rng = np.random.default_rng(seed)
    space = previous.action_space
    actions = observations(space, rows=rows, seed=seed) if previous.actions and space is not None else None
    at_start = np.arange(rows) % 4 == 0
    return previous.columns(to_mappings(space, actions), rng.normal(size=rows), at_start)
