from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_catalogs import ModelSettings, PPOCatalog
from rlmodule_core import ConfigError, ModelConfig, RLModuleConfig

# Another value than the default for every key.
OTHER: dict[str, Any] = {
    "fcnet_hiddens": [32],
    "fcnet_activation": "relu",
    "fcnet_use_layernorm": True,
    "encoder_latent_dim": 24,
    "post_fcnet_hiddens": [12],
    "post_fcnet_activation": "tanh",
    "free_log_std": True,
    "vf_share_layers": False,
    "normalize_actions": False,
}
# An activation shows only where there is a layer to activate.
BASE: dict[str, Any] = {"post_fcnet_hiddens": [6]}


def _decided(catalog: PPOCatalog) -> tuple[Any, ...]:
    configs = (catalog.get_actor_critic_encoder_config(), catalog.get_pi_head_config(), catalog.get_vf_head_config())
    return (*(config.plan() for config in configs), catalog.get_action_descriptor())


@pytest.mark.parametrize("key", [field.name for field in fields(ModelSettings)])
def test_every_key_has_an_effect(make: Any, key: str):
    changed = make(**{**BASE, key: OTHER[key]})
    assert _decided(changed) != _decided(make(**BASE))


def test_no_settings_are_the_defaults():
    assert ModelSettings.parse({}) == ModelSettings()


def test_lists_are_kept_as_tuples():
    assert ModelSettings.parse({"fcnet_hiddens": [64, np.int64(32)]}).fcnet_hiddens == (64, 32)


@pytest.mark.parametrize(
    ("typo", "meant"), [("fcnet_hidden", "fcnet_hiddens"), ("vf_shared_layers", "vf_share_layers")]
)
def test_an_unknown_key_gets_the_nearest_name(make: Any, typo: str, meant: str):
    with pytest.raises(ConfigError, match=rf"Unknown model setting '{typo}'\. Did you mean '{meant}'\?"):
        make(**{typo: [8]})


def test_an_unknown_key_like_no_other_lists_the_known_ones(make: Any):
    with pytest.raises(
        ConfigError, match=r"Unknown model setting 'zzz'\. Known are: fcnet_hiddens, .*normalize_actions"
    ):
        make(zzz=1)


@pytest.mark.parametrize("key", ["fcnet_hiddens", "post_fcnet_hiddens"])
@pytest.mark.parametrize("value", [64, "64", None, [64, 0], [64.0], [True], ["64"], [[64]]])
def test_layer_sizes_are_a_list_of_positive_integers(make: Any, key: str, value: Any):
    with pytest.raises(ConfigError, match=rf"'{key}' must be a list of layer sizes"):
        make(**{key: value})


@pytest.mark.parametrize("key", [field.name for field in fields(ModelSettings) if isinstance(field.default, bool)])
@pytest.mark.parametrize("value", ["False", 1, None])
def test_switches_are_true_or_false(make: Any, key: str, value: Any):
    with pytest.raises(ConfigError, match=rf"'{key}' must be True or False, got {value!r}"):
        make(**{key: value})


@pytest.mark.parametrize("value", [0, -3, 2.5, "8", True])
def test_a_latent_width_is_a_positive_integer(make: Any, value: Any):
    with pytest.raises(ConfigError, match=r"'encoder_latent_dim' must be a positive integer or None, got"):
        make(encoder_latent_dim=value)


@pytest.mark.parametrize("key", ["fcnet_activation", "post_fcnet_activation"])
def test_an_activation_that_does_not_exist_gets_the_nearest_name(make: Any, key: str):
    with pytest.raises(ConfigError, match=r"got 'tahn'\. Did you mean 'tanh'"):
        _decided(make(**{**BASE, key: "tahn"}))


def test_an_encoder_needs_some_layer(make: Any):
    with pytest.raises(ConfigError, match=r"'fcnet_hiddens' is empty; then 'encoder_latent_dim' must be set"):
        make(fcnet_hiddens=[])


@pytest.mark.parametrize("settings", [None, [("fcnet_hiddens", [8])], "fcnet_hiddens"])
def test_settings_are_a_mapping(settings: Any):
    with pytest.raises(ConfigError, match="Model settings are a mapping"):
        PPOCatalog(gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2), settings)


@dataclass(frozen=True, kw_only=True)
class DeepSettings(ModelSettings):
    depth: int = 2
    residual: bool = False


class DeepCatalog(PPOCatalog):
    """A contributed catalog with keys of its own."""

    settings_class = DeepSettings
    settings: DeepSettings

    def get_encoder_config(self) -> ModelConfig:
        wide = self.settings.fcnet_hiddens[0]
        return PPOCatalog(
            self.observation_space, self.action_space, {"fcnet_hiddens": [wide] * self.settings.depth}
        ).get_encoder_config()


def test_a_contributed_catalog_has_settings_of_its_own(make: Any):
    catalog = make(DeepCatalog, fcnet_hiddens=[7], depth=3)
    assert str(catalog.get_encoder_config().plan()).count("Dense") == 3
    assert catalog.latent_dims == (7,)


def test_its_keys_are_checked_as_ours_are(make: Any):
    with pytest.raises(ConfigError, match=r"Unknown model setting 'depht'\. Did you mean 'depth'\?"):
        make(DeepCatalog, depht=3)
    with pytest.raises(ConfigError, match=r"'residual' must be True or False, got 'no'"):
        make(DeepCatalog, residual="no")


def test_other_catalogs_do_not_take_them(make: Any):
    with pytest.raises(ConfigError, match="Unknown model setting 'depth'"):
        make(PPOCatalog, depth=3)


def test_it_is_reached_through_a_module_config():
    config = RLModuleConfig(
        gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2), {"depth": 1, "fcnet_hiddens": [7]}, DeepCatalog
    )
    assert config.get_catalog().settings == DeepSettings(depth=1, fcnet_hiddens=(7,))


def test_numpy_sizes_become_python_s():
    settings = ModelSettings.parse(
        {"fcnet_hiddens": [np.int64(8)], "post_fcnet_hiddens": (np.int32(4),), "encoder_latent_dim": np.int16(6)}
    )
    sizes = [*settings.fcnet_hiddens, *settings.post_fcnet_hiddens, settings.encoder_latent_dim]
    assert [(size, type(size)) for size in sizes] == [(8, int), (4, int), (6, int)]
