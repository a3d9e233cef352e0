"""The Python type that a value must have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard, final

from rlmodule_core.errors import ConfigError, SpecCheckingError
from rlmodule_core.specs.describe import describe, type_name
from rlmodule_core.specs.spec import Spec


@final
@dataclass(frozen=True, init=False)
class TypeSpec(Spec):
    """Demand an instance of a type, or of one of several types.

    Raises:
        ConfigError: no type, or something that is not a type, is given.
    """

    types: tuple[type, ...]

    def __init__(self, types: type | tuple[type, ...]) -> None:
        several = types if isinstance(types, tuple) else (types,)
        if not is_tuple_of_types(several):
            raise ConfigError(f"A TypeSpec takes a type or a non-empty tuple of types, got {types!r}.")
        object.__setattr__(self, "types", several)

    def validate(self, value: object) -> None:
        """Return if `value` is an instance of one of the types.

        Raises:
            SpecCheckingError: with the types that were expected and the value that came.
        """
        if not isinstance(value, self.types):
            names = " or ".join(type_name(member) for member in self.types)
            raise SpecCheckingError(f"expected a value of type {names}, got {describe(value)}.")


def is_tuple_of_types(value: object) -> TypeGuard[tuple[type, ...]]:
    """Whether `value` is a non-empty tuple of nothing but types."""
    return isinstance(value, tuple) and bool(value) and all(isinstance(member, type) for member in value)
