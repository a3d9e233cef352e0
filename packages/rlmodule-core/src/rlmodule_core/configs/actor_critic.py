"""An encoder for an actor and a critic."""

from __future__ import annotations

from dataclasses import dataclass

from rlmodule_core.configs.base import ModelConfig, plan_of_encoder
from rlmodule_core.errors import ConfigError
from rlmodule_core.plans import ActorCritic, Chain, Dims


@dataclass(frozen=True, kw_only=True)
class ActorCriticEncoderConfig(ModelConfig):
    """Two encoders made from one config, or one that actor and critic share.

    `input_dims` follows from `base_encoder_config`.
    """

    input_dims: Dims = ()
    base_encoder_config: ModelConfig
    shared: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.base_encoder_config, ModelConfig):
            raise ConfigError(
                "ActorCriticEncoderConfig.base_encoder_config must be an encoder's config such as MLPEncoderConfig, "
                f"got {self.base_encoder_config!r}."
            )
        object.__setattr__(self, "input_dims", self.base_encoder_config.input_dims)

    def plan(self) -> ActorCritic:
        base = plan_of_encoder(self.base_encoder_config)
        if isinstance(base, Chain):
            raise ConfigError(
                "ActorCriticEncoderConfig.base_encoder_config must be an encoder's config such as MLPEncoderConfig, "
                f"got {type(self.base_encoder_config).__name__}, which is a head's."
            )
        return ActorCritic(shared=base) if self.shared else ActorCritic(actor=base, critic=base)
