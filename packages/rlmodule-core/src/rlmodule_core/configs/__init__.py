"""Model configs: dataclasses that compute plans."""

from rlmodule_core.configs.actor_critic import ActorCriticEncoderConfig
from rlmodule_core.configs.base import ModelConfig, build_network
from rlmodule_core.configs.cnn import CNNEncoderConfig
from rlmodule_core.configs.conv_filters import ConvFilter, default_filters, parse_filters
from rlmodule_core.configs.mlp import FreeLogStdMLPHeadConfig, MLPEncoderConfig, MLPHeadConfig
from rlmodule_core.configs.multi_stream import MultiStreamEncoderConfig
from rlmodule_core.configs.native import NativeModelConfig

__all__ = [
    "ActorCriticEncoderConfig",
    "CNNEncoderConfig",
    "ConvFilter",
    "FreeLogStdMLPHeadConfig",
    "MLPEncoderConfig",
    "MLPHeadConfig",
    "ModelConfig",
    "MultiStreamEncoderConfig",
    "NativeModelConfig",
    "build_network",
    "default_filters",
    "parse_filters",
]
