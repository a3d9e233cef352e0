"""What a runner collects: steps of several environments side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core import Columns, SpecCheckingError

Array = NDArray[Any]

RESERVED = frozenset(
    {
        Columns.OBS,
        Columns.NEW_OBS,
        Columns.REWARDS,
        Columns.TERMINATEDS,
        Columns.TRUNCATEDS,
        Columns.LOSS_MASK,
        Columns.ADVANTAGES,
        Columns.VALUE_TARGETS,
    }
)
"""Columns that come from the environment or are computed after sampling."""


@dataclass
class Rollout:
    """T steps of B environments, time-major.

    Attributes:
        obs: `[T + 1, B, ...]`; row T is the observation after the last step.
        rewards: `[T, B]`.
        terminateds: `[T, B]`: the step ended the episode in a terminal state.
        truncateds: `[T, B]`: the step ended the episode by cutting it.
        valid: `[T, B]`: False where the environment only reset itself and the action was ignored.
        outputs: what the module gave for each step, `[T, B, ...]` by column: `actions`, `action_logp` ...
        last_steps: `[K, 2]`: the (t, b) of episode ends whose last observation is not `obs[t + 1, b]`.
        last_obs: `[K, ...]`: those last observations.
        episode_returns: of the episodes that ended, in order.
        episode_lengths: likewise.
    """

    obs: Array
    rewards: NDArray[np.float32]
    terminateds: NDArray[np.bool_]
    truncateds: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    outputs: dict[str, Array] = field(default_factory=dict)
    last_steps: list[tuple[int, int]] = field(default_factory=list)
    last_obs: list[Array] = field(default_factory=list)
    episode_returns: list[float] = field(default_factory=list)
    episode_lengths: list[int] = field(default_factory=list)

    @classmethod
    def empty(cls, steps: int, envs: int, obs_shape: tuple[int, ...], obs_dtype: np.dtype[Any]) -> Rollout:
        """Room for `steps` steps of `envs` environments."""
        flags = np.zeros((3, steps, envs), np.bool_)
        return cls(
            obs=np.zeros((steps + 1, envs, *obs_shape), obs_dtype),
            rewards=np.zeros((steps, envs), np.float32),
            terminateds=flags[0],
            truncateds=flags[1],
            valid=flags[2],
        )

    def record(self, t: int, outputs: Mapping[str, Any], *, module: str) -> None:
        """Store the module's outputs of step t; makes room at the first.

        Args:
            t: the step.
            outputs: `actions` and other arrays `[B, ...]` by column; what else is no array is left out.
            module: the name of the module's class, for errors.

        Raises:
            SpecCheckingError: an output has no leading axis [B], another shape than at the first step or the key of
                a column that does not come from the module; names the module, the key and the shape.
        """
        arrays = {name: value for name, value in outputs.items() if isinstance(value, np.ndarray)}
        if Columns.ACTIONS not in arrays:
            raise _bad_output(module, Columns.ACTIONS, f"an array, got {type(outputs[Columns.ACTIONS]).__name__}")
        if t == 0:
            for name, value in arrays.items():
                self.outputs[name] = self._room(name, value, module)
        for name, stored in self.outputs.items():
            if name not in arrays or arrays[name].shape != stored.shape[1:]:
                found = arrays[name].shape if name in arrays else None
                raise _bad_output(module, name, f"{stored.shape[1:]} as at the first step, got {found}")
            stored[t] = arrays[name]

    def _room(self, name: str, value: Array, module: str) -> Array:
        steps, envs = self.rewards.shape
        if name in RESERVED:
            raise SpecCheckingError(
                f"{module}.forward_exploration returned {name!r}, a column that the rollout fills itself. Return it "
                "under another key, or leave it out."
            )
        if value.shape[:1] != (envs,):
            raise _bad_output(module, name, f"[B, ...] with B = {envs}, got {value.shape}")
        return np.zeros((steps, *value.shape), value.dtype)

    @property
    def num_steps(self) -> int:
        """Environment steps that count."""
        return int(self.valid.sum())


def _bad_output(module: str, name: str, shapes: str) -> SpecCheckingError:
    return SpecCheckingError(
        f"{module}.forward_exploration returned {name!r} in an unexpected shape: expected {shapes}. A rollout stores "
        "one row per environment of every array: return it so at each step, or leave it out."
    )
