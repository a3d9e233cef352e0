"""A choice of keys, one of which must be there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from rlmodule_core.errors import ConfigError, SpecCheckingError
from rlmodule_core.specs.describe import describe
from rlmodule_core.specs.paths import MISSING, Key, Path, as_path, look_up, show_keys, show_path
from rlmodule_core.specs.spec import Spec


@final
@dataclass(frozen=True, init=False)
class AnyOf(Spec):
    """Demand a mapping that holds at least one of these keys.

    Raises:
        ConfigError: no key, or something that is not a key, is given.
    """

    keys: tuple[Path, ...]

    def __init__(self, keys: Sequence[Key]) -> None:
        if isinstance(keys, str) or not keys:
            raise ConfigError(f"AnyOf takes a non-empty list of keys, got {keys!r}.")
        object.__setattr__(self, "keys", tuple(as_path(key) for key in keys))

    def validate(self, value: object) -> None:
        """Return if one of the keys is in `value`.

        Raises:
            SpecCheckingError: with the rule and the keys that are there instead.
        """
        if isinstance(value, Mapping):
            for path in self.keys:
                if look_up(value, path) is not MISSING:
                    return
        wanted = " and/or ".join(show_path(path) for path in self.keys)
        if not isinstance(value, Mapping):
            raise SpecCheckingError(f"expected a mapping with {wanted}, got {describe(value)}.")
        raise SpecCheckingError(
            f"expected at least one of these keys: {wanted}; got none of them. "
            f"Keys that were there: {show_keys(value)}."
        )
