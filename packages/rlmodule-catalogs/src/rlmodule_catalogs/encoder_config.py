"""The default encoder of each observation space."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_catalogs.settings import ModelSettings
from rlmodule_core import MLPEncoderConfig, ModelConfig, UnsupportedSpaceError
from rlmodule_core.plans import OneHot

_NEXT_STEP = (
    "Supported are Box spaces with one axis and Discrete spaces. For another space, override "
    "Catalog.get_encoder_config (or PPOCatalog.get_actor_critic_encoder_config) to return a config of your own, or "
    "wrap the environment, for example in gymnasium.wrappers.FlattenObservation."
)


@singledispatch
def encoder_config_for(space: gym.Space[Any], settings: ModelSettings) -> ModelConfig:
    """The config of the default encoder for observations of a space.

    Raises:
        UnsupportedSpaceError: there is no default; the text says what to override.
    """
    raise UnsupportedSpaceError(f"No default encoder exists for the observation space {space}. {_NEXT_STEP}")


@encoder_config_for.register
def _(space: gym.spaces.Box, settings: ModelSettings) -> ModelConfig:
    if len(space.shape) != 1:
        raise UnsupportedSpaceError(
            f"No default encoder exists for the observation space {space} of shape {space.shape}. {_NEXT_STEP}"
        )
    return _mlp(settings, input_dims=space.shape, cast=not np.issubdtype(space.dtype, np.floating))


@encoder_config_for.register
def _(space: gym.spaces.Discrete, settings: ModelSettings) -> ModelConfig:
    return _mlp(settings, input_dims=(), one_hot=OneHot(int(space.n), int(space.start)))


def _mlp(
    settings: ModelSettings, *, input_dims: tuple[int, ...], cast: bool = False, one_hot: OneHot | None = None
) -> MLPEncoderConfig:
    return MLPEncoderConfig(
        input_dims=input_dims,
        cast=cast,
        one_hot=one_hot,
        hidden_layer_dims=settings.fcnet_hiddens,
        hidden_layer_activation=settings.fcnet_activation,
        hidden_layer_use_layernorm=settings.fcnet_use_layernorm,
        output_layer_dim=settings.encoder_latent_dim,
        output_layer_activation=settings.fcnet_activation,
    )
