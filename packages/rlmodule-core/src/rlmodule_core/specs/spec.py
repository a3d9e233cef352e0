"""What every spec can do, and what a user may write as one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from rlmodule_core.specs.paths import Key


class Spec(ABC):
    """A condition on a value. A subclass of the user's may stand wherever a leaf may."""

    @abstractmethod
    def validate(self, value: object) -> None:
        """Return if `value` fits.

        Raises:
            SpecCheckingError: with what was expected and what came.
        """


SpecType: TypeAlias = (
    "Spec | type | tuple[type, ...] | Sequence[Key] | Mapping[str, SpecType] | Mapping[Key, SpecType] | None"
)
"""What a spec method may return: a list of keys, a (nested) mapping with specs, types or None as leaves,
one spec or type for the whole value, or None for no constraint."""
