"""Serve a module: numpy in, numpy out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from rlmodule_core.module.observations import require_observations
from rlmodule_core.module.recurrent import State
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.module.session import Session

Result = tuple[Any, State, dict[str, Any]]
"""Actions for the environment, the recurrent state after them, and everything else that was computed."""


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
            framework: where to run; "numpy" needs nothing but rlmodule-core. None runs where it was trained.
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
            obs: one observation.
            state: the recurrent state before it, without a batch axis; None or empty at an episode's start, and for a
                stateless module.
            explore: draw from the exploration distribution, instead of acting greedily.

        Returns:
            The action, the state after it (empty for a stateless module) and extras: everything that the module
            returned and `actions` as sampled, without a batch axis.

        Raises:
            SpecCheckingError: the observation does not have the shape of the observation space.
            UnsupportedSpaceError: observations of the space are no arrays, and no dict of them.
            StateError: the state is not of the form of the module's `get_initial_state()`.
        """
        batch = _mapped(_one_row, _state_tree(state))
        actions, state_out, extras = self.compute_actions(self._single(obs), batch, explore)
        rest = {key: value[0] for key, value in extras.items() if isinstance(value, np.ndarray)}
        return actions[0], _mapped(lambda leaf: leaf[0], state_out), rest

    def compute_actions(self, obs_batch: Any, state_batches: State | None = None, explore: bool = False) -> Result:
        """The actions for a batch of observations `[B, ...]` and of states `[B, ...]`; see `compute_single_action`."""
        return self.compute_actions_from_input_dict(self._columns(obs_batch, state_batches), explore=explore)

    def compute_actions_from_input_dict(self, input_dict: Mapping[str, Any], *, explore: bool = False) -> Result:
        """The actions for a batch given by its columns `[B, ...]`, `state_in` among them; see `compute_single_action`.

        This is how a module is given previous actions and rewards.
        """
        output = compute_actions(self.module, input_dict, explore=explore, rng=self.rng)
        extras = self.module.backend.to_numpy(output)
        # A copy, because a state may be a view of observations whose array the environment fills again.
        state = _mapped(np.array, extras.pop(Columns.STATE_OUT)) if self.module.is_stateful() else {}
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
        output = run_acting(module, self._columns(obs_batch, state_batches), explore=True)
        dist = distribution_of(module, output, module.get_exploration_action_dist_cls)
        if dist is None or Columns.ACTION_DIST_INPUTS not in output:
            raise SpecCheckingError(
                f"{type(module).__name__}.forward_exploration returned {sorted(output)}; log-likelihoods need "
                f"{Columns.ACTION_DIST_INPUTS!r}."
            )
        self._require_actions(np.asarray(actions), len(output[Columns.ACTION_DIST_INPUTS]))
        logp: NDArray[np.float32] = backend.to_numpy(dist.logp(backend.batch(self._action_space, actions, like=module)))
        return logp

    def _columns(self, obs_batch: Any, state_batches: State | None) -> dict[str, Any]:
        state = _state_tree(state_batches)
        if not state:
            return {Columns.OBS: obs_batch}
        if not self.module.is_stateful():
            raise StateError(
                f"{type(self.module).__name__} carries no recurrent state, but got one with the keys "
                f"{sorted(state)}. Pass None."
            )
        return {Columns.OBS: obs_batch, Columns.STATE_IN: state}

    def _single(self, obs: Any) -> Any:
        where, hint = "compute_single_action()", " For a batch call compute_actions()."
        require_observations(self._observation_space, obs, leading=(), where=where, name="one observation", hint=hint)
        return _mapped(_one_row, obs) if isinstance(obs, Mapping) else _one_row(obs)

    def _require_actions(self, actions: NDArray[Any], rows: int) -> None:
        space = self._action_space
        # Else numpy would broadcast one action to every row, or every row to each.
        if space.shape is not None and (actions.shape != (rows, *space.shape) or actions.dtype.kind not in "biuf"):
            raise SpecCheckingError(
                f"compute_log_likelihoods() expects actions of {space} as numbers of shape {(rows, *space.shape)}, got "
                f"{actions.dtype} of shape {actions.shape}. Pass the actions as they were sampled, one for each "
                "observation."
            )
        if isinstance(space, gym.spaces.Discrete):
            last = space.start + space.n - 1
            if not ((actions >= space.start) & (actions <= last) & (actions % 1 == 0)).all():
                raise SpecCheckingError(
                    f"Actions of {space} are whole numbers from {space.start} to {last}, got {actions!r}."
                )


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


def _mapped(function: Callable[[Any], Any], tree: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: _mapped(function, leaf) if isinstance(leaf, Mapping) else function(leaf) for key, leaf in tree.items()}
