"""The encoder that remembers, as the settings have it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from rlmodule_catalogs.settings import ModelSettings
from rlmodule_core import (
    AttentionEncoderConfig,
    ModelConfig,
    RecurrentEncoderConfig,
    UnsupportedSpaceError,
    encoded_width,
)


def with_memory(tokenizer: ModelConfig, action_space: gym.Space[Any], settings: ModelSettings) -> ModelConfig:
    """The config of an encoder with the memory that the settings ask for behind the tokenizer; else the tokenizer.

    Raises:
        UnsupportedSpaceError: previous actions are asked for, but those of this space cannot be encoded.
    """
    if settings.use_attention:
        return AttentionEncoderConfig(
            tokenizer_config=tokenizer,
            prev_actions=_width(action_space) if settings.attention_use_n_prev_actions else 0,
            prev_rewards=bool(settings.attention_use_n_prev_rewards),
            dim=settings.attention_dim,
            num_units=settings.attention_num_transformer_units,
            num_heads=settings.attention_num_heads,
            head_dim=settings.attention_head_dim,
            memory=settings.attention_memory_inference,
            mlp_dim=settings.attention_position_wise_mlp_dim,
            gate_bias=settings.attention_init_gru_gate_bias,
        )
    if settings.use_lstm or settings.use_gru:
        return RecurrentEncoderConfig(
            tokenizer_config=tokenizer,
            prev_actions=_width(action_space) if settings.lstm_use_prev_action else 0,
            prev_rewards=settings.lstm_use_prev_reward,
            recurrent_layer_type="lstm" if settings.use_lstm else "gru",
            hidden_dim=settings.lstm_cell_size,
            num_layers=settings.lstm_num_layers,
            use_layernorm=settings.lstm_use_layernorm,
        )
    return tokenizer


def _width(action_space: gym.Space[Any]) -> int:
    try:
        return encoded_width(action_space)
    except UnsupportedSpaceError as error:
        raise UnsupportedSpaceError(
            f"The settings tell each step the action before it. {error} Leave it out, or override "
            "Catalog.get_encoder_config to return a config of your own."
        ) from error
