"""An encoder for an actor and a critic."""

from __future__ import annotations

from dataclasses import dataclass

from rlmodule_core.configs.base import ModelConfig
from rlmodule_core.plans import ActorCritic, Dims


@dataclass(frozen=True, kw_only=True)
class ActorCriticEncoderConfig(ModelConfig):
    """Two encoders made from one config, or one that actor and critic share.

    `input_dims` follows from `base_encoder_config`.
    """

    input_dims: Dims = ()
    base_encoder_config: ModelConfig
    shared: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_dims", self.base_encoder_config.input_dims)

    def plan(self) -> ActorCritic:
        base = self.base_encoder_config.plan()
        return ActorCritic(shared=base) if self.shared else ActorCritic(actor=base, critic=base)
