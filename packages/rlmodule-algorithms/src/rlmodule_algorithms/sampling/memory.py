"""What a runner keeps of the steps before, for a module whose next action depends on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_algorithms.config.validation import require_count
from rlmodule_core import Columns, PreviousInputs, RLModule, batch_array
from rlmodule_core.spaces import map_leaves

Booleans = NDArray[np.bool_]

_LIMIT = "max_seq_len"


def sequence_limit(module: RLModule) -> int | None:
    """The most steps of a sequence to learn from: the setting `max_seq_len`; None for a module without that setting.

    Raises:
        ConfigError: it is no positive integer.
    """
    settings = None if module.config is None else module.config.model_config_dict
    limit = None if settings is None else settings.get(_LIMIT)
    if limit is not None:
        require_count(_LIMIT, limit)
    return limit


def previous_inputs(module: RLModule) -> PreviousInputs:
    """What the module is told of the step before, when it acts or when it learns."""
    acting = PreviousInputs.of(module, module.input_specs_exploration())
    learning = PreviousInputs.of(module, module.input_specs_train())
    return PreviousInputs(acting.action_space, acting.actions | learning.actions, acting.rewards | learning.rewards)


def looks_back(module: RLModule) -> bool:
    """Whether what the module does depends on steps before, so that it must be served in a session."""
    return module.is_stateful() or bool(previous_inputs(module))


class Memory:
    """Recurrent states, previous actions and rewards of environments side by side, and where sequences begin.

    A sequence begins where a rollout or an episode does, and every `max_seq_len` steps from there.

    Attributes:
        stateful: whether the module carries a state, so that it learns from sequences.
        state: the recurrent state `[B, ...]`, as each episode begins it.
    """

    def __init__(self, module: RLModule, envs: int) -> None:
        self.stateful = module.is_stateful()
        self._limit = sequence_limit(module) if self.stateful else None
        self._initial = map_leaves(
            lambda leaf: np.repeat(batch_array(None, leaf)[None], envs, axis=0), module.get_initial_state()
        )
        # A copy, because a forward of the user's may work in place.
        self.state: Any = map_leaves(np.array, self._initial)
        self._ages = np.zeros(envs, np.int64)
        self._previous = previous_inputs(module)
        self._actions: Any = None
        self._rewards = np.zeros(envs, np.float32)
        self._at_start = np.ones(envs, np.bool_)

    def __bool__(self) -> bool:
        """Whether there is anything to keep."""
        return self.stateful or bool(self._previous)

    def begin_rollout(self) -> None:
        """Cut all sequences."""
        self._ages[:] = 0

    def beginning(self) -> Booleans:
        """`[B]`: where the next step begins a sequence."""
        ages = self._ages if self._limit is None else self._ages % self._limit
        begins: Booleans = ages == 0
        return begins

    def previous(self) -> dict[str, NDArray[np.float32]]:
        """The columns `[B, ...]` that tell of the step before."""
        return self._previous.columns(self._actions, self._rewards, self._at_start) if self._previous else {}

    def advance(self, outputs: Mapping[str, Any], rewards: NDArray[np.float32], over: Booleans) -> None:
        """A step was made.

        Args:
            outputs: what the module gave for it, `[B, ...]`.
            rewards: what it earned, `[B]`.
            over: `[B]`: where the next step is the first of an episode.
        """
        if self._previous:
            # A copy, because environments may change the actions that they get.
            self._actions = map_leaves(np.array, outputs[Columns.ACTIONS])
            self._rewards, self._at_start = rewards, over
        if not self.stateful:
            return
        self._ages += 1
        self.state = outputs[Columns.STATE_OUT]
        if over.any():
            self._ages[over] = 0
            self.state = map_leaves(lambda leaf, first: _where(over, first, leaf), self.state, self._initial)


def _where(rows: Booleans, first: NDArray[Any], leaf: NDArray[Any]) -> NDArray[Any]:
    return np.where(rows.reshape(-1, *[1] * (leaf.ndim - 1)), first, leaf)
