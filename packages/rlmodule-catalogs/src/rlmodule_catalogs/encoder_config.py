"""The default encoder of each observation space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch
from typing import Any

import gymnasium as gym

from rlmodule_catalogs.entry_records import entry_records
from rlmodule_catalogs.image_axes import image_records, is_image
from rlmodule_catalogs.normalisation import normalise_records
from rlmodule_catalogs.settings import ModelSettings
from rlmodule_core import (
    CNNEncoderConfig,
    MLPEncoderConfig,
    ModelConfig,
    MultiStreamEncoderConfig,
    UnsupportedSpaceError,
)
from rlmodule_core.plans import Cast, Dense, Flatten, MultiOneHot, OneHot, Record, walk_records
from rlmodule_core.spaces import inside_part, is_nested, named_parts

_NEXT_STEP = (
    "Supported are Box, Discrete, MultiDiscrete and MultiBinary spaces, and Dict and Tuple spaces of these. For any "
    "other, override Catalog.get_encoder_config (or PPOCatalog.get_actor_critic_encoder_config) to return a config of "
    "your own, or wrap the environment."
)

_UNITS_PER_NUMBER, _FEWEST_UNITS = 4, 16
"""How wide a vector inside a Dict or Tuple is embedded, up to the width that images have there."""


@singledispatch
def encoder_config_for(space: gym.Space[Any], settings: ModelSettings) -> ModelConfig:
    """The config of the default encoder for observations of a space.

    Raises:
        UnsupportedSpaceError: there is no default; the text says what to override.
    """
    raise UnsupportedSpaceError(f"No default encoder exists for the observation space {space}. {_NEXT_STEP}")


@encoder_config_for.register
def _(space: gym.spaces.Box, settings: ModelSettings) -> ModelConfig:
    rows, entry = _rows(space), entry_records(space)
    if is_image(space):
        return _cnn(settings, input_dims=rows, before=(*image_records(rows), *entry))
    before = (*entry, *_to_vector(rows), *normalise_records(space, settings))
    return _mlp(settings, input_dims=rows, before=before)


@encoder_config_for.register
def _(space: gym.spaces.Discrete, settings: ModelSettings) -> ModelConfig:
    return _mlp(settings, input_dims=(), before=(OneHot(int(space.n), int(space.start)),))


@encoder_config_for.register
def _(space: gym.spaces.MultiDiscrete, settings: ModelSettings) -> ModelConfig:
    rows = _rows(space)
    one_hot = MultiOneHot(tuple(space.nvec.ravel().tolist()), tuple(space.start.ravel().tolist()))
    return _mlp(settings, input_dims=rows, before=(*_to_vector(rows), one_hot))


@encoder_config_for.register
def _(space: gym.spaces.MultiBinary, settings: ModelSettings) -> ModelConfig:
    return _mlp(settings, input_dims=space.shape, before=(Cast(), *_to_vector(space.shape)))


@encoder_config_for.register(gym.spaces.Dict)
@encoder_config_for.register(gym.spaces.Tuple)
def _(space: gym.Space[Any], settings: ModelSettings) -> ModelConfig:
    return MultiStreamEncoderConfig(base_encoder_configs=_streams(space, settings), **_dense(settings))


def _streams(space: gym.Space[Any], settings: ModelSettings) -> dict[str, Any]:
    parts = named_parts(space)
    if parts is None:
        raise UnsupportedSpaceError(
            f"No default encoder exists for the observation space {space}: it needs at least one part, and texts as "
            f"keys, none of them empty. An action mask is no part that is encoded. {_NEXT_STEP}"
        )
    return {key: _stream(key, part, settings) for key, part in parts.items()}


def _stream(key: str, space: gym.Space[Any], settings: ModelSettings) -> Any:
    if is_nested(space):
        with inside_part(key, "observation"):
            return _streams(space, settings)
    # Settings without hidden layers have a latent width.
    widths = [*settings.fcnet_hiddens, *([] if settings.encoder_latent_dim is None else [settings.encoder_latent_dim])]
    width = widths[0]
    embedding = replace(settings, fcnet_hiddens=(width,), encoder_latent_dim=None)
    with inside_part(key, "observation"):
        config = encoder_config_for(space, embedding)
    if type(config) is MLPEncoderConfig and config.hidden_layer_dims == (width,):
        numbers = next(record.inputs for _, record in walk_records(config.plan()) if isinstance(record, Dense))
        narrow = max(_FEWEST_UNITS, _UNITS_PER_NUMBER * numbers)
        return replace(config, hidden_layer_dims=(min(width, narrow),))
    return config


def _to_vector(shape: tuple[int, ...]) -> tuple[Record, ...]:
    return () if len(shape) == 1 else (Flatten(len(shape)),)


def _mlp(settings: ModelSettings, *, input_dims: tuple[int, ...], before: Sequence[Record]) -> MLPEncoderConfig:
    return MLPEncoderConfig(input_dims=input_dims, before=before, **_dense(settings))


def _cnn(settings: ModelSettings, *, input_dims: tuple[int, ...], before: Sequence[Record]) -> CNNEncoderConfig:
    return CNNEncoderConfig(
        input_dims=input_dims,
        before=before,
        cnn_filter_specifiers=settings.conv_filters,
        cnn_activation=settings.conv_activation,
        cnn_use_layernorm=settings.conv_use_layernorm,
        cnn_gain=settings.conv_kernel_gain,
        cnn_weights_initializer=settings.conv_kernel_initializer,
        **_dense(settings),
    )


def _rows(space: gym.spaces.Box | gym.spaces.MultiDiscrete) -> tuple[int, ...]:
    if 0 in space.shape:
        raise UnsupportedSpaceError(
            f"No default encoder exists for the observation space {space}, whose observations of shape {space.shape} "
            f"hold no numbers. {_NEXT_STEP}"
        )
    return tuple(space.shape)


def _dense(settings: ModelSettings) -> dict[str, Any]:
    """The layers that every encoder ends in."""
    return {
        "hidden_layer_dims": settings.fcnet_hiddens,
        "hidden_layer_activation": settings.fcnet_activation,
        "hidden_layer_use_layernorm": settings.fcnet_use_layernorm,
        "hidden_layer_gain": settings.fcnet_kernel_gain,
        "output_layer_dim": settings.encoder_latent_dim,
        "output_layer_activation": settings.fcnet_activation,
        "output_layer_gain": settings.fcnet_kernel_gain,
        "weights_initializer": settings.fcnet_kernel_initializer,
    }
