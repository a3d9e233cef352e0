"""Where the height, the width and the channels of a space's images are."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from rlmodule_core.plans import Flatten, Record, Transpose

_MOST_CHANNELS = 16


def is_image(space: gym.Space[Any]) -> bool:
    """Whether values of the space are seen as images: those of boxes with three axes or more."""
    return isinstance(space, gym.spaces.Box) and len(space.shape) > 2


def image_records(shape: tuple[int, ...]) -> tuple[Record, ...]:
    """The records that make images (height, width, channels) of boxes with three axes or more.

    The last three axes are an image, channels last. Axes before them, such as stacked frames, become channels. Where
    the first of the three is 16 at most while both others are more, channels (or stacked frames without channels of
    their own) come first, as in (4, 84, 84).
    """
    stacked = len(shape) - 3
    a, b, c = stacked, stacked + 1, stacked + 2
    channels_first = shape[a] <= _MOST_CHANNELS < min(shape[b], shape[c])
    height, width, channels = (b, c, a) if channels_first else (a, b, c)
    order = (height, width, *range(stacked), channels)
    moved = () if order == tuple(range(len(shape))) else (Transpose(order),)
    return (*moved, Flatten(stacked + 1)) if stacked else moved
