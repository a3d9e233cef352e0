"""The base of all catalogs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium as gym

from rlmodule_catalogs.action_descriptor import action_descriptor_for
from rlmodule_catalogs.encoder_config import encoder_config_for
from rlmodule_catalogs.heeded_settings import require_heeded
from rlmodule_catalogs.image_axes import is_image
from rlmodule_catalogs.memory_config import with_memory
from rlmodule_catalogs.normalisation import require_effect
from rlmodule_catalogs.settings import ModelSettings
from rlmodule_core import ConfigError, Descriptor, Distribution, ModelConfig, get_backend
from rlmodule_core.spaces import leaf_spaces, without_mask


class Catalog:
    """Decides the networks and the action distribution for given spaces and settings.

    Override `get_tokenizer_config` to replace what single observations are encoded by, `get_encoder_config` to replace
    the encoder with its memory by another config, `build_encoder` to return a native network
    of your own, `get_action_descriptor` to replace the distribution, or `get_action_dist_cls` to return a class of your
    own with as many inputs.

    Args:
        observation_space: the space of one observation.
        action_space: the space of one action.
        model_config_dict: the settings; see `settings_class`.
    """

    settings_class: ClassVar[type[ModelSettings]] = ModelSettings

    def __init__(
        self,
        observation_space: gym.Space[Any],
        action_space: gym.Space[Any],
        model_config_dict: Mapping[str, Any],
    ) -> None:
        for name, space in (("observation_space", observation_space), ("action_space", action_space)):
            if not isinstance(space, gym.Space):
                raise ConfigError(f"{type(self).__name__} needs a Gymnasium space as {name}, got {space!r}.")
        self.observation_space = observation_space
        self.action_space = action_space
        self.model_config_dict = model_config_dict
        self.settings = self.settings_class.parse(model_config_dict)

    @property
    def latent_dims(self) -> tuple[int, ...]:
        """The shape of one row of the encoder's output."""
        return self.get_encoder_config().output_dims

    def get_encoder_config(self) -> ModelConfig:
        """The config of the encoder: that of the tokenizer, and behind it the memory that the settings ask for.

        Raises:
            UnsupportedSpaceError: the observation space has no default.
        """
        return with_memory(self.get_tokenizer_config(), self.action_space, self.settings)

    def get_tokenizer_config(self) -> ModelConfig:
        """The config of the encoder of single steps; an action mask is no input of it.

        Raises:
            UnsupportedSpaceError: the observation space has no default.
            ConfigError: a setting does not suit the observation space.
        """
        space = without_mask(self.observation_space)
        config = encoder_config_for(space, self.settings)
        if self.settings.conv_filters is not None and not any(map(is_image, (leaf for _, leaf in leaf_spaces(space)))):
            raise ConfigError(
                f"The model setting 'conv_filters' is about images, which are boxes of three axes or more; the "
                f"observation space {space} has none. Leave it out, or add a channel axis to a box of two."
            )
        require_effect(space, self.settings)
        return config

    def build_encoder(self, framework: str) -> Any:
        """A native encoder: `{"obs": [B, ...]}` to `{"encoder_out": [B, L]}`; see the config for one that remembers."""
        config = self.get_encoder_config()
        require_heeded(config, self.settings, catalog=self)
        return config.build(framework)

    def get_action_descriptor(self) -> Descriptor:
        """The descriptor of the action distribution; it settles the width of the policy head.

        Raises:
            UnsupportedSpaceError: the action space has no default.
            ConfigError: a setting does not suit the action space.
        """
        return action_descriptor_for(self.action_space, self.settings)

    def get_action_dist_cls(self, framework: str) -> type[Distribution]:
        """The action distribution as a class of one framework."""
        return self.get_action_descriptor().bind(get_backend(framework).ops)
