"""How a vector environment begins its next episodes, and what it must give with them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling.closing import env_name
from rlmodule_algorithms.sampling.env_values import Array
from rlmodule_algorithms.sampling.observation_form import ObservationForm
from rlmodule_core.spaces import show_leaf

AutoresetMode = gym.vector.AutoresetMode
Flags = NDArray[np.bool_]

_FINAL_OBS = "final_obs"
_KEY = "autoreset_mode"
_logger = logging.getLogger(__name__)


class Autoreset:
    """The autoreset mode of a vector environment; NEXT_STEP, Gymnasium's default, where it declares none.

    Raises:
        EnvError: it declares something else.
    """

    def __init__(self, env: gym.vector.VectorEnv[Any, Any, Any]) -> None:
        self._env = env
        self._declared = _KEY in env.metadata
        self._form = ObservationForm(env.single_observation_space)
        self._warned = False
        declared = env.metadata.get(_KEY, AutoresetMode.NEXT_STEP)
        try:
            self.mode = AutoresetMode(declared)
        except ValueError as error:
            raise EnvError(
                f"The environment {env_name(env)} declares metadata[{_KEY!r}] = {declared!r}: set it to one of "
                f"{', '.join(str(mode) for mode in AutoresetMode)}."
            ) from error

    def require_next_step(self, infos: Mapping[str, Any], done: Flags, resetting: Flags) -> None:
        """Refuse what an environment that resets in the next step does not give.

        Raises:
            ValueError: an episode ended in the step that began it, or infos tell of another mode.
        """
        ended = np.flatnonzero(done & resetting)
        if ended.size:
            raise ValueError(
                f"environment {ended[0]} ended an episode in the step that only resets it. {self._suspicion()}"
            )
        if _FINAL_OBS in infos and not self._declared:
            raise ValueError(f"infos hold {_FINAL_OBS!r} for {np.flatnonzero(done)}. {self._suspicion()}")

    def _suspicion(self) -> str:
        found = f"metadata[{_KEY!r}] says NEXT_STEP" if self._declared else f"metadata has no {_KEY!r}"
        return f"Does it reset in the same step? Its {found}: declare gymnasium.vector.AutoresetMode.SAME_STEP there"

    def final_observations(
        self, infos: Mapping[str, Any], obs: Sequence[Array], done: Flags, truncateds: Flags
    ) -> list[list[Array]]:
        """The observations that episodes ended with in an environment that resets in the same step, leaf by leaf.

        Args:
            infos: of the step.
            obs: of the step, `[B, ...]` each: where an episode ended, the next one's first.
            done: `[B]`: which episodes ended.
            truncateds: `[B]`: which of them were cut.

        Raises:
            ValueError: infos do not give them.
        """
        ended = np.flatnonzero(done).tolist()
        if _FINAL_OBS not in infos:
            raise ValueError(
                f"episodes of the environments {ended} ended, and metadata[{_KEY!r}] says SAME_STEP, so infos must "
                f"hold {_FINAL_OBS!r} [B], the observations that they ended with; infos hold {sorted(infos)}"
            )
        rows = infos[_FINAL_OBS]
        try:
            found = [(b, _row(self._form.space, rows, b)) for b in ended]
        except (TypeError, LookupError) as error:
            raise ValueError(f"infos[{_FINAL_OBS!r}] must have a row for each environment, got {rows!r}") from error
        last = [self._form.arrays(f"infos['final_obs'][{b}]", row, ()) for b, row in found]
        for b, arrays in zip(ended, last, strict=True):
            first = [array[b] for array in obs]
            for leaf, one, other in zip(self._form.leaves, arrays, first, strict=True):
                if np.shares_memory(one, other):
                    name = show_leaf(f"infos[{_FINAL_OBS!r}][{b}]", leaf.path)
                    raise ValueError(f"{name} and the observation of the next episode are one array")
            if truncateds[b]:
                self._suspect_reuse(b, arrays, first)
        return last

    def _suspect_reuse(self, b: int, last: Sequence[Array], first: Sequence[Array]) -> None:
        # Its workers send the last observation after the reset, which has overwritten an array that is used again.
        if self._warned or not isinstance(self._env.unwrapped, gym.vector.AsyncVectorEnv):
            return
        has_floats = any(array.dtype.kind == "f" for array in last)
        if has_floats and all(np.array_equal(one, other) for one, other in zip(last, first, strict=True)):
            self._warned = True
            _logger.warning(
                "Environment %d (%s) ended an episode with the very observation %r that the next one began with. If it "
                "writes all its observations into one array, let it copy them, or use AutoresetMode.NEXT_STEP.",
                b,
                env_name(self._env),
                self._form.nested(last),
            )

    def require_left_alone(self, before: Sequence[Array], after: Sequence[Array], done: Flags) -> None:
        """Refuse a reset of `done` environments `[B]` that has changed the observations `[B, ...]` of others.

        Args:
            before: for each leaf, the observations of the others before the reset.
            after: for each leaf, all observations after it.
            done: `[B]`: which were to be reset.

        Raises:
            ValueError: it has; names the first.
        """
        for was, now in zip(before, after, strict=True):
            differs = was != now[~done]
            changed = np.flatnonzero(~done)[differs.any(axis=tuple(range(1, differs.ndim)))]
            if changed.size:
                raise ValueError(
                    f"environment {changed[0]} was reset too, although options={{'reset_mask': {done}}} leaves it "
                    f"out, as metadata[{_KEY!r}] promises with DISABLED"
                )


def _row(space: gym.Space[Any], rows: Any, b: int) -> Any:
    """One row of observations that are given row by row, as Gymnasium does, or leaf by leaf."""
    if isinstance(space, gym.spaces.Dict) and isinstance(rows, Mapping):
        return {key: _row(part, rows[key], b) for key, part in space.spaces.items()}
    if isinstance(space, gym.spaces.Tuple) and isinstance(rows, tuple):
        return tuple(_row(part, row, b) for part, row in zip(space.spaces, rows, strict=True))
    return rows[b]
