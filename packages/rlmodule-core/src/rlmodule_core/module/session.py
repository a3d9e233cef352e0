"""Acting step by step: what each environment's next action depends on is kept between the calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.backend.dtypes import batch_array
from rlmodule_core.columns import Columns
from rlmodule_core.errors import ConfigError, SpecCheckingError
from rlmodule_core.module.previous_inputs import PreviousInputs
from rlmodule_core.module.recurrent import State, initial_state
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.spaces import map_leaves, misfit

Array = NDArray[Any]
Compute = Callable[[Mapping[str, Any]], tuple[Any, State, Mapping[str, Any]]]
"""Columns `[n, ...]` to actions for the environment, the state after them, and extras."""


class Session:
    """Acts for n environments side by side and keeps their recurrent states between the calls.

    Made by `Policy.session`. A module whose input spec of the phase names `prev_actions` or `prev_rewards` gets the
    action before, encoded `[n, width]`, and its reward `[n]`: zeros at an episode's start. See `PreviousInputs`.

        session = policy.session(env.num_envs)
        actions = session.act(obs)
        obs, rewards, terminated, truncated, infos = env.step(actions)

    Call `reset` for those whose next observation is the first of an episode, before `act` is given it. (A vector
    environment of Gymnasium's mode NEXT_STEP gives that observation one step after the one that ended the episode.)
    """

    def __init__(self, module: RLModule, n: int, *, explore: bool, compute: Compute) -> None:
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise ConfigError(f"A session is for a whole number of environments, 1 or more; got {n!r}.")
        self.n = int(n)
        self._module = module
        self._compute = compute
        specs = module.input_specs_exploration() if explore else module.input_specs_inference()
        self._previous = PreviousInputs.of(module, specs)
        self._state: State = {}
        self._actions: Any = None
        self._at_start: Array = np.ones(self.n, np.bool_)
        self.reset()

    def act(self, obs: Any, rewards: Any = None) -> Any:
        """The next action of every environment.

        Args:
            obs: their observations `[n, ...]`; of Dict and Tuple spaces, dicts and tuples of `[n, ...]`.
            rewards: what the actions before earned `[n]`; needed where the module asks for `prev_rewards`, except when
                all are at an episode's start. The reward of an environment that was reset since is not used.

        Returns:
            `[n, ...]`, as vector environments take them; of Dict and Tuple spaces, dicts and tuples of `[n, ...]`.

        Raises:
            SpecCheckingError: `obs` or `rewards` does not have n rows of the right shape, or rewards are missing.
        """
        self._require_observations(obs)
        earned = self._earned(rewards)
        columns = {Columns.OBS: obs, **self._previous.columns(self._actions, earned, self._at_start)}
        if self._state:
            columns[Columns.STATE_IN] = self._state
        actions, self._state, extras = self._compute(columns)
        if self._previous.actions:
            # A copy, because the caller may change the actions that it gets.
            self._actions = map_leaves(np.array, extras[Columns.ACTIONS])
        self._at_start = np.zeros(self.n, np.bool_)
        return actions

    def reset(self, mask: Any = None) -> None:
        """Put environments back to an episode's start: state, previous action and previous reward.

        Args:
            mask: True where to do so, bool `[n]`; None for all.

        Raises:
            SpecCheckingError: the mask is something else.
        """
        start = initial_state(self._module, self.n)
        if mask is None:
            self._state, self._at_start = start, np.ones(self.n, np.bool_)
            return
        rows = batch_array(None, mask)
        if rows.dtype != np.bool_ or rows.shape != (self.n,):
            raise SpecCheckingError(
                f"Session.reset() expects a mask of bool, shape ({self.n},), got {rows.dtype} of shape {rows.shape}."
            )
        self._state = _chosen(rows, start, self._state)
        self._at_start = self._at_start | rows

    def _earned(self, rewards: Any) -> Array:
        if rewards is None:
            if self._previous.rewards and not self._at_start.all():
                raise SpecCheckingError(
                    f"{type(self._module).__name__} asks for prev_rewards: call Session.act(obs, rewards) with what "
                    f"the actions before earned, shape ({self.n},)."
                )
            return np.zeros(self.n, np.float32)
        given = batch_array(None, rewards)
        if given.shape != (self.n,):
            raise SpecCheckingError(f"Session.act() expects rewards of shape ({self.n},), got shape {given.shape}.")
        return given

    def _require_observations(self, obs: Any) -> None:
        space = None if self._module.config is None else self._module.config.observation_space
        fault = None if space is None else misfit(Columns.OBS, space, obs, (self.n,))
        if fault is not None:
            raise SpecCheckingError(f"Session.act() acts for {self.n} environments and expects {fault}.")


def _chosen(rows: Array, start: Any, now: Any) -> Any:
    """Leaves of `start` where `rows` is True, else of `now`."""
    if isinstance(start, Mapping):
        return {key: _chosen(rows, leaf, now[key]) for key, leaf in start.items()}
    return np.where(rows.reshape(-1, *[1] * (start.ndim - 1)), start, now)
