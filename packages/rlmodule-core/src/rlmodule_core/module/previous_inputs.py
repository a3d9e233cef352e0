"""What a module is told of the step before: its action and its reward."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlmodule_core.columns import Columns
from rlmodule_core.errors import UnsupportedSpaceError
from rlmodule_core.spaces import sub_spaces
from rlmodule_core.specs import SpecDict, SpecType
from rlmodule_core.specs.canonical import canonical_spec

if TYPE_CHECKING:
    from rlmodule_core.module.rl_module import RLModule

Array = NDArray[Any]


@dataclass(frozen=True)
class PreviousInputs:
    """Makes the columns `prev_actions` and `prev_rewards`, the same way for acting, training and serving.

    Actions are encoded as vectors: one number for each value that a Discrete, MultiDiscrete or MultiBinary action can
    take, 1 for the one that was taken; the numbers of a Box; of a Dict or Tuple the vectors of its leaves one behind
    the other. At an episode's start all are zeros, which no encoded discrete action is.

    Attributes:
        action_space: of the actions.
        actions: whether `prev_actions` are asked for.
        rewards: whether `prev_rewards` are.
    """

    action_space: gym.Space[Any] | None
    actions: bool
    rewards: bool

    @classmethod
    def of(cls, module: RLModule, input_specs: SpecType) -> PreviousInputs:
        """What the input specs of one of the module's forwards ask for.

        Raises:
            UnsupportedSpaceError: they ask for the actions of a space that cannot be encoded.
        """
        canonical = canonical_spec(input_specs)
        asked = {path[0] for path in canonical} if isinstance(canonical, SpecDict) else set()
        space = None if module.config is None else module.config.action_space
        made = cls(space, Columns.PREV_ACTIONS in asked, Columns.PREV_REWARDS in asked)
        if made.actions:
            try:
                encoded_width(space)
            except UnsupportedSpaceError as error:
                raise UnsupportedSpaceError(f"{type(module).__name__} asks for prev_actions. {error}") from error
        return made

    def __bool__(self) -> bool:
        return self.actions or self.rewards

    def columns(self, actions: Any, rewards: Any, at_start: Array) -> dict[str, NDArray[np.float32]]:
        """The columns that are asked for, `[..., width]` and `[...]`.

        Args:
            actions: of the step before as sampled `[..., *shape]`, by key where they are nested; ignored where they
                are not asked for, and at an episode's start. None where all are at one.
            rewards: of the step before `[...]`; ignored likewise.
            at_start: True where an episode starts, bool `[...]`.
        """
        columns: dict[str, NDArray[np.float32]] = {}
        if self.actions:
            columns[Columns.PREV_ACTIONS] = encode_previous_actions(self.action_space, actions, at_start)
        if self.rewards:
            columns[Columns.PREV_REWARDS] = np.where(at_start, 0, rewards).astype(np.float32)
        return columns


def encoded_width(space: gym.Space[Any] | None) -> int:
    """How many numbers encode one action of a space.

    Raises:
        UnsupportedSpaceError: its actions cannot be encoded.
    """
    return sum(_widths(space))


def encode_previous_actions(space: gym.Space[Any] | None, actions: Any, at_start: Array) -> NDArray[np.float32]:
    """The encoded actions `[..., encoded_width(space)]`, zeros where an episode starts; see `PreviousInputs`."""
    encoded = np.zeros((*at_start.shape, encoded_width(space)), np.float32)
    if not at_start.all():
        _encode(space, actions, encoded)
        encoded[at_start] = 0
    return encoded


def _widths(space: gym.Space[Any] | None) -> list[int]:
    parts = sub_spaces(space)
    return [width for part in parts.values() for width in _widths(part)] if parts else [_leaf_width(space)]


def _encode(space: gym.Space[Any] | None, actions: Any, out: Array) -> None:
    parts = sub_spaces(space)
    if not parts:
        # A Box may hold numbers that float32 does not reach.
        with np.errstate(over="ignore"):
            out[...] = _encoded_leaf(space, np.asarray(actions), out.shape[:-1])
        return
    start = 0
    for key, part in parts.items():
        stop = start + encoded_width(part)
        _encode(part, actions[key], out[..., start:stop])
        start = stop


@singledispatch
def _leaf_width(space: object) -> int:
    raise UnsupportedSpaceError(
        f"Previous actions can be encoded for Box, Discrete, MultiDiscrete and MultiBinary spaces, and for Dict and "
        f"Tuple spaces of these, got {space}."
    )


@_leaf_width.register
def _(space: gym.spaces.Box) -> int:
    return int(np.prod(space.shape))


@_leaf_width.register
def _(space: gym.spaces.Discrete) -> int:
    return int(space.n)


@_leaf_width.register
def _(space: gym.spaces.MultiDiscrete) -> int:
    return int(space.nvec.sum())


@_leaf_width.register
def _(space: gym.spaces.MultiBinary) -> int:
    return 2 * int(np.prod(space.shape))


@singledispatch
def _encoded_leaf(space: Any, actions: Array, leading: tuple[int, ...]) -> Array:
    return actions.reshape(*leading, -1)


@_encoded_leaf.register
def _(space: gym.spaces.Discrete, actions: Array, leading: tuple[int, ...]) -> Array:
    return np.asarray(actions.reshape(*leading, 1) - space.start == np.arange(space.n))


@_encoded_leaf.register
def _(space: gym.spaces.MultiDiscrete, actions: Array, leading: tuple[int, ...]) -> Array:
    sizes = space.nvec.ravel()
    values = np.concatenate([np.arange(size) for size in sizes])
    chosen = np.repeat((actions - space.start).reshape(*leading, -1), sizes, axis=-1)
    return np.asarray(chosen == values)


@_encoded_leaf.register
def _(space: gym.spaces.MultiBinary, actions: Array, leading: tuple[int, ...]) -> Array:
    flags = np.repeat(actions.reshape(*leading, -1), 2, axis=-1)
    return np.asarray(flags == np.arange(flags.shape[-1]) % 2)
