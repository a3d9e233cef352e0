"""The catalog of actor-critic modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym

from rlmodule_catalogs.catalog import Catalog
from rlmodule_catalogs.heeded_settings import require_heeded
from rlmodule_core import (
    ActorCriticEncoderConfig,
    ConfigError,
    DiagGaussian,
    FreeLogStdMLPHeadConfig,
    MLPHeadConfig,
    ModelConfig,
    SquashedGaussian,
)

# A policy that starts near uniform explores; Andrychowicz et al. 2020, https://arxiv.org/abs/2006.05990.
_PI_GAIN = 0.01
_VF_GAIN = 1.0


class PPOCatalog(Catalog):
    """Adds an encoder for actor and critic and their heads; used by PPO, IMPALA and APPO.

    Override a `get_*_config` to replace a part by another config, or a `build_*` to return a native network.
    """

    def __init__(
        self,
        observation_space: gym.Space[Any],
        action_space: gym.Space[Any],
        model_config_dict: Mapping[str, Any],
    ) -> None:
        if type(self).build_encoder is not Catalog.build_encoder:
            raise ConfigError(
                f"{type(self).__name__} overrides build_encoder, which actor-critic modules never call. Override "
                "build_actor_critic_encoder, or get_encoder_config, which both encoders are built from."
            )
        super().__init__(observation_space, action_space, model_config_dict)

    @property
    def latent_dims(self) -> tuple[int, ...]:
        return self.get_actor_critic_encoder_config().output_dims

    def get_actor_critic_encoder_config(self) -> ModelConfig:
        """The config of the encoder; its output widths are those of the heads' inputs.

        Raises:
            ConfigError: the settings ask for what an overridden `get_encoder_config` leaves out.
        """
        base = self.get_encoder_config()
        require_heeded(base, self.settings, catalog=self)
        return ActorCriticEncoderConfig(base_encoder_config=base, shared=self.settings.vf_share_layers)

    def get_pi_head_config(self) -> ModelConfig:
        """The config of the policy head: latents `[B, L]` to distribution inputs `[B, A]`.

        Raises:
            ConfigError: `free_log_std` is set for a distribution that is no Gaussian.
        """
        descriptor = self.get_action_descriptor()
        if self.settings.free_log_std and not isinstance(descriptor, DiagGaussian | SquashedGaussian):
            raise ConfigError(
                f"The model setting 'free_log_std' needs a Gaussian over a Box; the action space {self.action_space} "
                f"has {descriptor}. Leave it False."
            )
        config_class = FreeLogStdMLPHeadConfig if self.settings.free_log_std else MLPHeadConfig
        return config_class(output_layer_dim=descriptor.input_dim, output_layer_gain=_PI_GAIN, **self._head())

    def get_vf_head_config(self) -> ModelConfig:
        """The config of the value head: latents `[B, L]` to values `[B, 1]`."""
        return MLPHeadConfig(output_layer_dim=1, output_layer_gain=_VF_GAIN, **self._head())

    def _head(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "input_dims": self.latent_dims,
            "hidden_layer_dims": settings.post_fcnet_hiddens,
            "hidden_layer_activation": settings.post_fcnet_activation,
            "hidden_layer_use_layernorm": settings.post_fcnet_use_layernorm,
            "hidden_layer_gain": settings.post_fcnet_kernel_gain,
            "weights_initializer": settings.post_fcnet_kernel_initializer,
        }

    def build_actor_critic_encoder(self, framework: str) -> Any:
        """A native encoder: `{"obs": [B, ...]}` to `{"encoder_out": {"actor": [B, L], "critic": [B, L]}}`."""
        return self.get_actor_critic_encoder_config().build(framework)

    def build_pi_head(self, framework: str) -> Any:
        """A native policy head."""
        return self.get_pi_head_config().build(framework)

    def build_vf_head(self, framework: str) -> Any:
        """A native value head."""
        return self.get_vf_head_config().build(framework)
