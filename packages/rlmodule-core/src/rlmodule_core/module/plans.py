"""Everything that decides a standard actor-critic module, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlmodule_core.distributions import DESCRIPTORS, Descriptor
from rlmodule_core.errors import ConfigError
from rlmodule_core.plans import (
    COMPOSITES,
    RECORDS,
    ActorCritic,
    Chain,
    Encoder,
    Plan,
    Record,
    Recurrent,
    from_json,
    to_json,
)


@dataclass(frozen=True)
class ModulePlans:
    """The plans of the three parts and the action distribution of each phase.

    The names of the parts are the first parts of the canonical names of the weights.
    """

    encoder: Plan
    pi: Plan
    vf: Plan
    train: Descriptor
    exploration: Descriptor
    inference: Descriptor

    def __post_init__(self) -> None:
        if isinstance(self.encoder, Record | Chain | Encoder | Recurrent):
            raise ConfigError(
                "ModulePlans.encoder must encode for an actor and a critic, as ActorCritic does, got "
                f"{type(self.encoder).__name__}."
            )
        for name, head in (("pi", self.pi), ("vf", self.vf)):
            if isinstance(head, Encoder | ActorCritic | Recurrent):
                raise ConfigError(f"ModulePlans.{name} must take latents, as Chain does, got {type(head).__name__}.")

    def to_json(self) -> dict[str, Any]:
        """The plans as JSON-able data."""
        encoded: dict[str, Any] = to_json(self)
        return encoded

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ModulePlans:
        """Rebuild plans that `to_json` wrote.

        Raises:
            CheckpointError: the data name types that this version does not know.
        """
        plans: ModulePlans = from_json(data, (cls, *RECORDS, *COMPOSITES, *DESCRIPTORS))
        return plans
