"""The model settings that catalogs understand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any, Self

from rlmodule_core import ConfigError, nearest


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """The keys of `model_config_dict`, with their defaults. A contributed catalog extends this class.

    Attributes:
        fcnet_hiddens: sizes of the encoder's dense layers.
        fcnet_activation: their activation.
        fcnet_use_layernorm: normalise behind each of them.
        encoder_latent_dim: width of the encoder's output; None takes the last of `fcnet_hiddens`.
        post_fcnet_hiddens: sizes of the hidden layers of the policy and value heads.
        post_fcnet_activation: their activation.
        free_log_std: the Gaussian's log standard deviation does not depend on the observation.
        vf_share_layers: actor and critic share one encoder.
        normalize_actions: see `rlmodule_core.DiagGaussian`.
    """

    fcnet_hiddens: Sequence[int] = (256, 256)
    fcnet_activation: str | None = "tanh"
    fcnet_use_layernorm: bool = False
    encoder_latent_dim: int | None = None
    post_fcnet_hiddens: Sequence[int] = ()
    post_fcnet_activation: str | None = "relu"
    free_log_std: bool = False
    vf_share_layers: bool = True
    normalize_actions: bool = True

    @classmethod
    def parse(cls, model_config_dict: Mapping[str, Any]) -> Self:
        """The settings of a `model_config_dict`.

        Raises:
            ConfigError: a key is unknown (names the nearest one), or a value has the wrong type.
        """
        if not isinstance(model_config_dict, Mapping):
            raise ConfigError(
                f"Model settings are a mapping such as {{'fcnet_hiddens': [64]}}, got {model_config_dict!r}."
            )
        known = [field.name for field in fields(cls)]
        for key in model_config_dict:
            if key not in known:
                raise ConfigError(
                    f"Unknown model setting {key!r}.{nearest(str(key), known)} Known are: {', '.join(known)}. (A "
                    "catalog with settings of its own extends ModelSettings; a module without a catalog reads any key.)"
                )
        return cls(**model_config_dict)

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            # By the default, so that the switches of an extended class are held to it too.
            if isinstance(field.default, bool) and not isinstance(value, bool):
                raise ConfigError(f"The model setting {field.name!r} must be True or False, got {value!r}.")
        for name in ("fcnet_hiddens", "post_fcnet_hiddens"):
            object.__setattr__(self, name, _layer_sizes(name, getattr(self, name)))
        if self.encoder_latent_dim is not None:
            if not _is_size(self.encoder_latent_dim):
                raise ConfigError(
                    "The model setting 'encoder_latent_dim' must be a positive integer or None, got "
                    f"{self.encoder_latent_dim!r}."
                )
            object.__setattr__(self, "encoder_latent_dim", int(self.encoder_latent_dim))
        if not self.fcnet_hiddens and self.encoder_latent_dim is None:
            raise ConfigError("The model setting 'fcnet_hiddens' is empty; then 'encoder_latent_dim' must be set.")


def _layer_sizes(name: str, value: object) -> tuple[int, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(map(_is_size, value)):
        raise ConfigError(
            f"The model setting {name!r} must be a list of layer sizes (positive integers), got {value!r}."
        )
    return tuple(int(size) for size in value)


def _is_size(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0
