"""What a class of modules says of itself."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar


class ModuleIdentity(ABC):  # noqa: B024 (the contract's abstract methods are RLModule's)
    """Which framework and which structure the modules of a class have.

    Apart from RLModule, so that classes can be looked up and combined below it.
    """

    framework: ClassVar[str | None] = None
    """The framework of the networks; None for a neutral class, which a spec combines with a framework's base."""
    architecture: ClassVar[str | None] = None
    """The id under which standard classes of this structure are registered, one for each framework."""
