"""What environments may return, one by one and side by side."""

from __future__ import annotations

import reprlib
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlmodule_core.spaces import legal_numbers

Array = NDArray[Any]

# Asked for every step of every environment; a union of types is put together anew each time.
_NUMBERS, _FLAGS = (float, int, np.floating), (bool, np.bool_)


def observation_array(name: str, obs: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Observations as an array of that shape, whose values that dtype can hold: nothing is rounded or wrapped.

    Raises:
        ValueError: they are something else; says what was expected of `name`.
    """
    array = np.asarray(obs)
    if array.shape != shape:
        raise ValueError(f"expected {name} of shape {shape}, got {type(obs).__name__} of shape {array.shape}")
    if array.dtype != dtype and not _holds(dtype, array):
        raise ValueError(f"expected {name} of dtype {dtype}, got {reprlib.repr(obs)} of dtype {array.dtype}")
    return array


def reward_value(reward: Any) -> float:
    """The reward of one environment, which is any real number.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(reward, _NUMBERS):
        return float(reward)
    array = np.asarray(reward)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ValueError(f"expected a reward that is one real number, got {reprlib.repr(reward)}")
    return float(array.item())


def flag_value(name: str, flag: Any) -> bool:
    """Whether an environment says that an episode has ended so.

    Raises:
        ValueError: it says something else than true or false.
    """
    if isinstance(flag, _FLAGS):
        return bool(flag)
    array = np.asarray(flag)
    if array.size != 1 or array.dtype.kind not in "fiub" or array.item() not in (0, 1):
        raise ValueError(f"expected {name} to be True or False, got {reprlib.repr(flag)}")
    return bool(array.item())


def reward_row(rewards: Any, envs: int) -> Array:
    """The rewards `[B]` of environments side by side.

    Raises:
        ValueError: they are something else.
    """
    return _row("rewards", rewards, envs, "fiub", "real numbers")


def flag_row(name: str, flags: Any, envs: int) -> NDArray[np.bool_]:
    """The flags `[B]` of environments side by side.

    Raises:
        ValueError: they are something else.
    """
    row = _row(name, flags, envs, "biuf", "True or False")
    if row.dtype.kind != "b" and not np.isin(row, (0, 1)).all():
        raise ValueError(f"expected {name} to be True or False, got {reprlib.repr(flags)}")
    return row.astype(np.bool_, copy=False)


def _row(name: str, values: Any, envs: int, kinds: str, what: str) -> Array:
    row = np.asarray(values)
    if row.shape != (envs,):
        raise ValueError(f"expected {name} of shape {(envs,)}, got {type(values).__name__} of shape {row.shape}")
    if row.dtype.kind not in kinds:
        raise ValueError(f"expected {name} to be {what}, got {reprlib.repr(values)} of dtype {row.dtype}")
    return row


def _holds(dtype: np.dtype[Any], array: Array) -> bool:
    if dtype.kind in "iu" and array.dtype.kind in "iu" and array.size:
        limits = np.iinfo(dtype)
        return bool(limits.min <= array.min() and array.max() <= limits.max)
    return np.can_cast(array.dtype, dtype, "same_kind")


def illegal_rows(observations: Array, space: gym.Space[Any]) -> tuple[NDArray[np.bool_], str] | None:
    """Which observations `[..., *shape]` are no numbers or, where numbers are counted, not in the space; and why."""
    if observations.dtype.kind == "f":
        why, legal = "not finite", np.asarray(np.isfinite(observations))
    else:
        counted = legal_numbers(space, observations)
        if counted is None:
            return None
        why, legal = f"not in {space}", np.asarray(counted)
    if legal.all():
        return None
    inner = tuple(range(legal.ndim - (0 if space.shape is None else len(space.shape)), legal.ndim))
    return np.asarray(~legal.all(axis=inner)), why
