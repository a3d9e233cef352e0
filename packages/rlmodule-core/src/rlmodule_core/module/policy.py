"""Serve a module: numpy in, numpy out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlmodule_core.checkpoint.module import load_module
from rlmodule_core.columns import Columns
from rlmodule_core.distributions import to_env_actions
from rlmodule_core.errors import ConfigError, SpecCheckingError, StateError
from rlmodule_core.module.actions import acting_descriptor, compute_actions, distribution_of, run_acting
from rlmodule_core.module.legal_rows import rows_without_action
from rlmodule_core.module.previous_inputs import PreviousInputs
from rlmodule_core.module.recurrent import State
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.module.session import Session
from rlmodule_core.spaces import (
    batch_misfit,
    holds_keys,
    illegal_leaf,
    is_nested,
    map_leaves,
    misfit,
    row_of,
    sub_spaces,
    to_mappings,
)

Result = tuple[Any, State, dict[str, Any]]
"""Actions for the environment, the recurrent state after them, and everything else that was computed."""

_ARRAYS = (gym.spaces.Box, gym.spaces.MultiDiscrete, gym.spaces.MultiBinary)


class Policy:
    """Computes actions with a module of its own, one observation or a batch at a time.

    Args:
        module: the module to act with; not shared with anyone else.
        seed: seeds the actions drawn with `explore=True`; None seeds by the system.
    """

    def __init__(self, module: RLModule, *, seed: int | None = None) -> None:
        if module.config is None or module.config.observation_space is None or module.config.action_space is None:
            raise ConfigError(
                f"A Policy needs a module that knows its spaces; this {type(module).__name__} has none. Build it from "
                "an RLModuleConfig with observation_space and action_space."
            )
        self.module = module
        self.rng = module.backend.rng(seed)
        self._observation_space: gym.Space[Any] = module.config.observation_space
        self._action_space: gym.Space[Any] = module.config.action_space
        self._told: dict[bool, bool] = {}

    @classmethod
    def from_checkpoint(
        cls,
        directory: str | Path,
        *,
        framework: str | None = None,
        module_id: str | None = None,
        module_class: type[RLModule] | None = None,
        catalog_class: type[Any] | str | None = None,
        seed: int | None = None,
    ) -> Policy:
        """Serve a module of a checkpoint, whoever wrote it: a module, a container or an algorithm.

        Args:
            directory: the checkpoint.
            framework: where to run; "numpy" needs nothing but rlmodule-core. None: see `RLModule.from_checkpoint`.
            module_id: which module; the only one by default.
            module_class: the module's class, where it is not a standard one and not imported.
            catalog_class: the catalog, where the networks are built by one that is neither registered nor imported.
            seed: see the constructor.

        Raises:
            CheckpointError: the checkpoint is missing or damaged, or cannot run in that framework.
        """
        module: RLModule = load_module(
            directory,
            base=RLModule,
            framework=framework,
            module_id=module_id,
            module_class=module_class,
            catalog_class=catalog_class,
        )
        return cls(module, seed=seed)

    def session(self, n: int, *, explore: bool = False) -> Session:
        """Act for `n` environments step by step; recurrent states, previous actions and rewards are kept for them.

        Sessions of one policy draw from its one generator.

        Raises:
            ConfigError: `n` is no positive whole number.
        """
        compute = partial(self.compute_actions_from_input_dict, explore=explore)
        return Session(self.module, n, explore=explore, compute=compute)

    def compute_single_action(self, obs: Any, state: State | None = None, explore: bool = False) -> Result:
        """The action for one observation of the observation space.

        Args:
            obs: one observation, as the space has it; a Tuple's may be by "0", "1", ... as well.
            state: the recurrent state before it, without a batch axis; None or empty at an episode's start, and for a
                stateless module.
            explore: draw from the exploration distribution, instead of acting greedily.

        Returns:
            The action as the action space has it, the state after it (empty for a stateless module) and extras:
            everything that the module returned and `actions` as sampled, without a batch axis.

        Raises:
            SpecCheckingError: the observation does not have the shape of the observation space, or not its keys.
            StateError: the state is not of the form of the module's `get_initial_state()`.
        """
        batch = None if state is None else map_leaves(_one_row, _state_tree(state))
        actions, state_out, extras = self.compute_actions(self._single(obs), batch, explore)
        return _as_sampled(self._action_space, row_of(actions, 0)), row_of(state_out, 0), _first_rows(extras)

    def compute_actions(self, obs_batch: Any, state_batches: State | None = None, explore: bool = False) -> Result:
        """The actions for a batch of observations `[B, ...]` and of states `[B, ...]`; see `compute_single_action`.

        Batches of Dict and Tuple spaces are dicts and tuples of `[B, ...]`, as vector environments have them.
        """
        self._require_told_nothing(explore)
        return self.compute_actions_from_input_dict(self._columns(obs_batch, state_batches), explore=explore)

    def compute_actions_from_input_dict(self, input_dict: Mapping[str, Any], *, explore: bool = False) -> Result:
        """The actions for a batch given by its columns `[B, ...]`, `state_in` among them; see `compute_single_action`.

        This is how a module is given previous actions and rewards.
        """
        self._require_legal_actions(input_dict)
        output = compute_actions(self.module, input_dict, explore=explore, rng=self.rng)
        extras = self.module.backend.to_numpy(output)
        # A copy, because a state may be a view of observations whose array the environment fills again.
        state = map_leaves(np.array, extras.pop(Columns.STATE_OUT)) if self.module.is_stateful() else {}
        descriptor = acting_descriptor(self.module, output, explore=explore)
        return to_env_actions(descriptor, self._action_space, extras[Columns.ACTIONS]), state, extras

    def compute_log_likelihoods(
        self, actions: Any, obs_batch: Any, state_batches: State | None = None
    ) -> NDArray[np.float32]:
        """Log-probabilities `[B]` of actions as sampled `[B, ...]` under the exploration distribution.

        Raises:
            SpecCheckingError: the module gives no distribution, there is not one action for each observation, or an
                action is not one of the action space's.
            StateError: the states are not of the form of the module's `get_initial_state()`.
        """
        module, backend = self.module, self.module.backend
        self._require_told_nothing(explore=True)
        output = run_acting(module, self._columns(obs_batch, state_batches), explore=True)
        dist = distribution_of(module, output, module.get_exploration_action_dist_cls)
        if dist is None or Columns.ACTION_DIST_INPUTS not in output:
            raise SpecCheckingError(
                f"{type(module).__name__}.forward_exploration returned {sorted(output)}; log-likelihoods need "
                f"{Columns.ACTION_DIST_INPUTS!r}."
            )
        legal = self._legal(actions, len(output[Columns.ACTION_DIST_INPUTS]))
        logp: NDArray[np.float32] = backend.to_numpy(dist.logp(backend.batch(self._action_space, legal, like=module)))
        return logp

    def _columns(self, obs_batch: Any, state_batches: State | None) -> dict[str, Any]:
        if is_nested(self._observation_space):
            fault = batch_misfit(Columns.OBS, self._observation_space, obs_batch)
            if fault is not None:
                raise SpecCheckingError(
                    f"{type(self.module).__name__} takes a batch of observations of {self._observation_space}: "
                    f"expected {fault}. Pass an array [B, ...] for each key."
                )
        if state_batches is None:
            return {Columns.OBS: obs_batch}
        state = _state_tree(state_batches)
        if not state:
            return {Columns.OBS: obs_batch}
        if not self.module.is_stateful():
            raise StateError(
                f"{type(self.module).__name__} carries no recurrent state, but got one with the keys "
                f"{sorted(state)}. Pass None."
            )
        return {Columns.OBS: obs_batch, Columns.STATE_IN: state}

    def _require_told_nothing(self, explore: bool) -> None:
        """Refuse to act by observation and state alone where the module is told of the step before as well."""
        if explore not in self._told:
            specs = self.module.input_specs_exploration() if explore else self.module.input_specs_inference()
            # Kept, because specs take long to read.
            self._told[explore] = bool(PreviousInputs.of(self.module, specs))
        if self._told[explore]:
            raise SpecCheckingError(
                f"{type(self.module).__name__} is told of the action or reward of the step before, which observation "
                "and state do not hold. Act through Policy.session(n), which keeps them, or give them to "
                "compute_actions_from_input_dict()."
            )

    def _require_legal_actions(self, columns: Mapping[str, Any]) -> None:
        # What is no mapping, or has no observations, is named by the forward's own checks.
        obs = columns.get(Columns.OBS) if holds_keys(columns) else None
        empty = None if obs is None else rows_without_action(self.module, obs)
        if empty is not None:
            rows = np.flatnonzero(empty).tolist()
            raise SpecCheckingError(
                f"The action mask must leave at least one legal action for every choice; in the observations of rows "
                f"{rows} it leaves none. End the episode there, or mend the mask."
            )

    def _single(self, obs: Any) -> Any:
        space = self._observation_space
        fault = misfit(Columns.OBS, space, obs, ())
        if fault is not None:
            raise SpecCheckingError(
                f"compute_single_action() takes one observation of {space}: expected {fault}. For a batch call "
                "compute_actions()."
            )
        return map_leaves(_one_row, to_mappings(space, obs))

    def _legal(self, actions: Any, rows: int) -> Any:
        """The actions by key; ones that the space does not count, or not one for each row, are refused."""
        space = self._action_space
        # Else numpy would broadcast one action to every row, or every row to each.
        fault = misfit(Columns.ACTIONS, space, actions, (rows,))
        given = actions if fault is not None else to_mappings(space, actions)
        fault = illegal_leaf(Columns.ACTIONS, space, given) if fault is None else fault
        if fault is not None:
            raise SpecCheckingError(
                f"compute_log_likelihoods() expected {fault}. Pass actions of {space} as they were sampled, one for "
                "each observation."
            )
        return given


def _as_sampled(space: gym.Space[Any], action: Any) -> Any:
    """An action as the space samples it: where that has no axes an array, while a row of a batch is a scalar."""
    if not is_nested(space):
        return np.asarray(action) if isinstance(space, _ARRAYS) else action
    if isinstance(space, gym.spaces.Dict):
        return {key: _as_sampled(part, action[key]) for key, part in space.spaces.items()}
    return tuple(_as_sampled(part, item) for part, item in zip(sub_spaces(space).values(), action, strict=True))


def _first_rows(extras: Mapping[str, Any]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for key, value in extras.items():
        if isinstance(value, np.ndarray):
            rows[key] = value[0]
        elif holds_keys(value):
            rows[key] = _first_rows(value)
    return rows


def _state_tree(state: State | None) -> State:
    if state is None:
        return {}
    if not isinstance(state, Mapping):
        raise StateError(
            f"A recurrent state is a dict as get_initial_state() gives it, got a {type(state).__name__}. Pass what the "
            "call before returned, or None at an episode's start."
        )
    return state


def _one_row(leaf: Any) -> NDArray[Any]:
    return np.asarray(leaf)[None]
