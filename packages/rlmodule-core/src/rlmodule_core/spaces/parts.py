"""The parts of nested spaces, as networks and distributions are made for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium as gym

from rlmodule_core.errors import UnsupportedSpaceError
from rlmodule_core.spaces.nested import sub_spaces


def named_parts(space: gym.Space[Any]) -> dict[str, gym.Space[Any]] | None:
    """The spaces inside by key; None where there are none, or keys that weights and errors cannot be named by.

    Those are keys that are no texts, and the empty text.
    """
    parts = sub_spaces(space)
    return parts if parts and all(isinstance(key, str) and key for key in parts) else None


@contextmanager
def inside_part(key: str, whole: str) -> Iterator[None]:
    """Says in which part of the `whole`, such as "observation", a space is that is refused inside."""
    try:
        yield
    except UnsupportedSpaceError as error:
        raise UnsupportedSpaceError(f"In the part {key!r} of the {whole}: {error}") from error
