"""Model configs: dataclasses that compute plans."""

from rlmodule_core.configs.actor_critic import ActorCriticEncoderConfig
from rlmodule_core.configs.base import ModelConfig, build_network
from rlmodule_core.configs.mlp import FreeLogStdMLPHeadConfig, MLPEncoderConfig, MLPHeadConfig

__all__ = [
    "ActorCriticEncoderConfig",
    "FreeLogStdMLPHeadConfig",
    "MLPEncoderConfig",
    "MLPHeadConfig",
    "ModelConfig",
    "build_network",
]
