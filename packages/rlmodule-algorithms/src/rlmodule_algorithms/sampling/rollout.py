"""What a runner collects: steps of several environments side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_algorithms.sampling.sequences import Sequences
from rlmodule_core import Columns, SpecCheckingError
from rlmodule_core.spaces import holds_keys, map_leaves, show_leaf

Array = NDArray[Any]

RESERVED = frozenset(
    {
        Columns.OBS,
        Columns.NEW_OBS,
        Columns.REWARDS,
        Columns.TERMINATEDS,
        Columns.TRUNCATEDS,
        Columns.LOSS_MASK,
        Columns.SEQ_LENS,
        Columns.STATE_IN,
        Columns.PREV_ACTIONS,
        Columns.PREV_REWARDS,
        Columns.ADVANTAGES,
        Columns.VALUE_TARGETS,
    }
)
"""Columns that come from the environment or are computed after sampling."""


@dataclass
class Rollout:
    """T steps of B environments, time-major.

    Attributes:
        obs: `[T + 1, B, ...]`; row T is the observation after the last step. Of a Dict space, nested dicts of such
            arrays by key; of a Tuple space, by "0", "1", ...
        rewards: `[T, B]`; scaled where the runner scales them, which `episode_returns` never are.
        terminateds: `[T, B]`: the step ended the episode in a terminal state.
        truncateds: `[T, B]`: the step ended the episode by cutting it.
        valid: `[T, B]`: False where the environment only reset itself and the action was ignored.
        outputs: what the module gave for each step, `[T, B, ...]` by column: `actions`, nested as `obs` is where their
            space is, `action_logp` ...
        last_steps: `[K, 2]`: the (t, b) of episode ends whose last observation is not `obs[t + 1, b]`.
        last_obs: `[K, ...]`: those last observations, nested as `obs` is.
        episode_returns: of the episodes that ended, in order.
        episode_lengths: likewise.
        previous: what the module was told of the step before each, `[T, B, ...]` by column; empty of most modules.
        unscaled: `[T, B]`: the rewards before they were scaled; None where they were not.
        starts: `[T, B]`: where a sequence to learn from begins; None of a module without memory.
    """

    obs: Any
    rewards: NDArray[np.float32]
    terminateds: NDArray[np.bool_]
    truncateds: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    outputs: dict[str, Any] = field(default_factory=dict)
    last_steps: list[tuple[int, int]] = field(default_factory=list)
    last_obs: list[Any] = field(default_factory=list)
    episode_returns: list[float] = field(default_factory=list)
    episode_lengths: list[int] = field(default_factory=list)
    previous: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    unscaled: NDArray[np.float32] | None = None
    starts: NDArray[np.bool_] | None = None
    _states: list[Any] = field(default_factory=list, repr=False)
    _rooms: list[tuple[tuple[str, ...], Array]] = field(default_factory=list, repr=False)

    @classmethod
    def empty(cls, steps: int, envs: int, obs: Any) -> Rollout:
        """Room for `steps` steps of `envs` environments, with observations in `obs [T + 1, B, ...]`."""
        flags = np.zeros((3, steps, envs), np.bool_)
        return cls(
            obs=obs,
            rewards=np.zeros((steps, envs), np.float32),
            terminateds=flags[0],
            truncateds=flags[1],
            valid=flags[2],
        )

    def record_previous(self, t: int, columns: Mapping[str, NDArray[np.float32]]) -> None:
        """Store what the module is told of the step before step t, `[B, ...]` by column."""
        for name, column in columns.items():
            if t == 0:
                self.previous[name] = np.zeros((len(self.valid), *column.shape), column.dtype)
            self.previous[name][t] = column

    def begin_sequences(self, t: int, begins: NDArray[np.bool_], state: Any) -> None:
        """Let sequences begin at step t where `begins [B]` says, in the recurrent state `[B, ...]` before that step."""
        if self.starts is None:
            self.starts = np.zeros_like(self.valid)
        self.starts[t] = begins
        if begins.any():
            self._states.append(map_leaves(lambda leaf: leaf[begins], state))

    def record(self, t: int, outputs: Mapping[str, Any], *, module: str) -> None:
        """Store the module's outputs of step t; makes room at the first.

        Args:
            t: the step.
            outputs: `actions` and other arrays `[B, ...]` by column; of nested ones only actions are kept, and what
                else is no array is left out.
            module: the name of the module's class, for errors.

        Raises:
            SpecCheckingError: an output has no leading axis [B], another shape than at the first step or the key of
                a column that does not come from the module; names the module, the key and the shape.
        """
        if t == 0:
            self._make_rooms(outputs, module)
        for path, stored in self._rooms:
            found: Any = outputs
            for key in path:
                found = found.get(key) if holds_keys(found) else None
            if not isinstance(found, np.ndarray) or found.shape != stored.shape[1:]:
                shape = found.shape if isinstance(found, np.ndarray) else None
                raise _bad_output(module, path, f"{stored.shape[1:]} as at the first step, got {shape}")
            stored[t] = found

    def _make_rooms(self, outputs: Mapping[str, Any], module: str) -> None:
        for name, value in outputs.items():
            if name == Columns.ACTIONS or isinstance(value, np.ndarray):
                self.outputs[name] = self._room((name,), value, module)

    def _room(self, path: tuple[str, ...], value: Any, module: str) -> Any:
        if isinstance(value, Mapping):
            return {key: self._room((*path, key), part, module) for key, part in value.items()}
        steps, envs = self.rewards.shape
        if path[0] in RESERVED:
            raise SpecCheckingError(
                f"{module}.forward_exploration returned {path[0]!r}, a column that the rollout fills itself. Return it "
                "under another key, or leave it out."
            )
        if not isinstance(value, np.ndarray):
            raise _bad_output(module, path, f"an array, got {type(value).__name__}")
        if value.shape[:1] != (envs,):
            raise _bad_output(module, path, f"[B, ...] with B = {envs}, got {value.shape}")
        self._rooms.append((path, np.zeros((steps, *value.shape), value.dtype)))
        return self._rooms[-1][1]

    def sequences(self) -> Sequences | None:
        """The sequences to learn from; None of a module without memory."""
        return None if self.starts is None else Sequences.of(self.starts, self.valid)

    @property
    def first_states(self) -> Any:
        """The recurrent state before each sequence `[N, ...]`."""
        return map_leaves(lambda *leaves: np.concatenate(leaves), *self._states) if self._states else {}

    @property
    def num_steps(self) -> int:
        """Environment steps that count."""
        return int(self.valid.sum())


def _bad_output(module: str, path: tuple[str, ...], shapes: str) -> SpecCheckingError:
    name = show_leaf(path[0], path[1:])
    return SpecCheckingError(
        f"{module}.forward_exploration returned {name!r} in an unexpected shape: expected {shapes}. A rollout stores "
        "one row per environment of every array: return it so at each step, or leave it out."
    )
