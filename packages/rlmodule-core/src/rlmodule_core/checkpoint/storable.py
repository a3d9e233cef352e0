"""What a module must tell of itself to be stored."""

from __future__ import annotations

from typing import Protocol

from rlmodule_core.backend import Backend
from rlmodule_core.module.config import RLModuleConfig
from rlmodule_core.module.plans import ModulePlans
from rlmodule_core.plans import Weights


class Storable(Protocol):
    """The part of RLModule that checkpoints rely on."""

    @property
    def architecture(self) -> str | None:
        """The id under which standard classes of this structure are registered."""

    @property
    def framework(self) -> str | None:
        """The framework of the networks."""

    @property
    def backend(self) -> Backend:
        """The backend of the framework."""

    @property
    def config(self) -> RLModuleConfig | None:
        """What the module was constructed from."""

    def get_state(self) -> Weights:
        """Copies of all weights, by name."""

    def non_portable_part(self) -> str | None:
        """What ties the module to its framework."""

    def frozen_plans(self) -> ModulePlans:
        """The plans of a portable module."""
