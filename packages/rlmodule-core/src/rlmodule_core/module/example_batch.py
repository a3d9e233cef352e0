"""One row of what a module's forwards take, for whoever must run them before there is any data."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_core.backend import get_backend
from rlmodule_core.columns import Columns
from rlmodule_core.module.previous_inputs import PreviousInputs
from rlmodule_core.module.recurrent import initial_state
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.spaces import map_leaves
from rlmodule_core.specs import SpecDict, SpecType, TensorSpec
from rlmodule_core.specs.canonical import canonical_spec


def example_batch(module: RLModule) -> dict[str, Any]:
    """A batch of one row, native: a value of each space, and zeros for other tensors that the input specs ask for.

    Of a module that remembers one step, and the state at an episode's start.
    """
    specs = (module.input_specs_train(), module.input_specs_exploration(), module.input_specs_inference())
    columns: dict[str, Any] = {}
    for spec in specs:
        columns = {**_asked(module, spec), **columns}
    if module.is_stateful():
        columns = map_leaves(lambda leaf: leaf[:, None], columns)
        columns[Columns.STATE_IN] = initial_state(module, 1)
    native: dict[str, Any] = module.backend.batch(None, columns, like=module)
    return native


def _asked(module: RLModule, spec: SpecType) -> dict[str, Any]:
    canonical = canonical_spec(spec)
    leaves = dict(canonical) if isinstance(canonical, SpecDict) else {}
    asked = {path[0] for path in leaves} | {Columns.OBS}
    previous = PreviousInputs.of(module, spec).columns(None, None, np.array([True]))
    columns: dict[str, Any] = {**_of_spaces(module, asked), **previous}
    for path, leaf in leaves.items():
        if path[0] not in columns and len(path) == 1 and isinstance(leaf, TensorSpec):
            columns[path[0]] = np.zeros((1, *leaf.full_shape[1:]), leaf.dtype)
    return columns


def _of_spaces(module: RLModule, asked: set[str]) -> dict[str, Any]:
    config = module.config
    if config is None:
        return {}
    spaces = {
        Columns.OBS: config.observation_space,
        Columns.NEW_OBS: config.observation_space,
        Columns.ACTIONS: config.action_space,
    }
    return {name: _row(space) for name, space in spaces.items() if name in asked and space is not None}


def _row(space: gym.Space[Any]) -> Any:
    # A copy: sampling would move on the generator of a space that somebody else has seeded.
    own = copy.deepcopy(space)
    own.seed(0)
    return map_leaves(lambda leaf: leaf[None], get_backend("numpy").batch(own, own.sample()))
