"""Model configs: dataclasses that compute plans."""

from rlmodule_core.configs.actor_critic import ActorCriticEncoderConfig
from rlmodule_core.configs.attention import AttentionEncoderConfig
from rlmodule_core.configs.base import ModelConfig, build_network
from rlmodule_core.configs.cnn import CNNEncoderConfig
from rlmodule_core.configs.conv_filters import ConvFilter, default_filters, parse_filters
from rlmodule_core.configs.memory import MemoryEncoderConfig
from rlmodule_core.configs.mlp import FreeLogStdMLPHeadConfig, MLPEncoderConfig, MLPHeadConfig
from rlmodule_core.configs.multi_stream import MultiStreamEncoderConfig
from rlmodule_core.configs.native import NativeModelConfig
from rlmodule_core.configs.recurrent import RecurrentEncoderConfig

__all__ = [
    "ActorCriticEncoderConfig",
    "AttentionEncoderConfig",
    "CNNEncoderConfig",
    "ConvFilter",
    "FreeLogStdMLPHeadConfig",
    "MLPEncoderConfig",
    "MLPHeadConfig",
    "MemoryEncoderConfig",
    "ModelConfig",
    "MultiStreamEncoderConfig",
    "NativeModelConfig",
    "RecurrentEncoderConfig",
    "build_network",
    "default_filters",
    "parse_filters",
]
