"""What a runner collects: steps of several environments side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core import NotANumberError

Array = NDArray[Any]


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

    def record(self, t: int, outputs: dict[str, Any]) -> None:
        """Store the module's outputs of step t; makes room at the first."""
        for name, value in outputs.items():
            if isinstance(value, np.ndarray):
                if name not in self.outputs:
                    self.outputs[name] = np.zeros((len(self.rewards), *value.shape), value.dtype)
                self.outputs[name][t] = value

    @property
    def num_steps(self) -> int:
        """Environment steps that count."""
        return int(self.valid.sum())

    def require_finite(self) -> None:
        """Refuse observations and rewards that are not numbers.

        Raises:
            NotANumberError: names the first: which environment and which step of the rollout.
        """
        for name, array in (("an observation", self.obs), ("a reward", self.rewards)):
            if not _finite(array):
                t, b = np.argwhere(~np.isfinite(array))[0][:2]
                raise _not_finite(name, int(t), int(b), array[t, b])
        for (t, b), obs in zip(self.last_steps, self.last_obs, strict=True):
            if not _finite(obs):
                raise _not_finite("an observation", t + 1, b, obs)


def _finite(array: Array) -> bool:
    return not np.issubdtype(array.dtype, np.floating) or bool(np.isfinite(array).all())


def _not_finite(name: str, t: int, b: int, found: object) -> NotANumberError:
    return NotANumberError(
        f"Environment {b} gave {name} that is not finite at step {t} of this rollout: {found!r}. Nothing was learned "
        "from it. Mend the environment, or clip what it gives."
    )
