from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_catalogs import ModelSettings, PPOCatalog
from rlmodule_catalogs.refused_settings import REFUSED as TEXTS
from rlmodule_core import (
    Categorical,
    ConfigError,
    DiagGaussian,
    ModelConfig,
    RLModuleConfig,
    SquashedGaussian,
)
from rlmodule_core.plans import FreeParameter

REAL_ACTIONS = gym.spaces.Box(-1.0, 1.0, (3,))

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
    "normalize_observations": True,
    "squash_actions": True,
    "fcnet_kernel_initializer": "xavier_uniform",
    "fcnet_kernel_gain": 1.0,
    "conv_filters": [[4, 2, 1, "valid"]],
    "conv_activation": "tanh",
    "conv_use_layernorm": True,
    "conv_kernel_initializer": "kaiming_normal",
    "conv_kernel_gain": 1.0,
    "post_fcnet_use_layernorm": True,
    "post_fcnet_kernel_initializer": "xavier_normal",
    "post_fcnet_kernel_gain": 1.0,
    "use_lstm": True,
    "use_gru": True,
    "lstm_cell_size": 8,
    "lstm_num_layers": 2,
    "lstm_use_layernorm": True,
    "lstm_use_prev_action": True,
    "lstm_use_prev_reward": True,
    "use_attention": True,
    "attention_num_transformer_units": 2,
    "attention_dim": 8,
    "attention_num_heads": 2,
    "attention_head_dim": 8,
    "attention_memory_inference": 8,
    "attention_position_wise_mlp_dim": 8,
    "attention_init_gru_gate_bias": 1.0,
    "attention_use_n_prev_actions": 1,
    "attention_use_n_prev_rewards": 1,
}
# An activation shows only where there is a layer to activate.
BASE: dict[str, Any] = {"post_fcnet_hiddens": [6]}


def _decided(catalog: PPOCatalog) -> tuple[Any, ...]:
    configs = (catalog.get_actor_critic_encoder_config(), catalog.get_pi_head_config(), catalog.get_vf_head_config())
    return (*(config.plan() for config in configs), catalog.get_action_descriptor())


MEMORY = {"lstm_": "use_lstm", "attention_": "use_attention"}


def _memory_of(key: str) -> dict[str, Any]:
    """The setting without which this key is refused."""
    return {switch: True for prefix, switch in MEMORY.items() if key.startswith(prefix)}


@pytest.mark.parametrize("field", [field for field in fields(ModelSettings) if "idle" not in field.metadata])
def test_every_key_has_an_effect(make: Any, field: Any):
    image, key = gym.spaces.Box(0, 255, (4, 4, 2), np.uint8), field.name
    obs = gym.spaces.Dict(image=image, speed=gym.spaces.Box(-np.inf, np.inf, (2,)))
    base = {**BASE, **_memory_of(key)}
    assert field.metadata.get("with", {}) == _memory_of(key)
    assert _decided(make(obs=obs, **{**base, key: OTHER[key]})) != _decided(make(obs=obs, **base))


# The keys of BEHAVIOURS 4.6 and 4.8 that mean nothing here.
REFUSED = [
    *("no_final_linear", "_time_major", "lstm_kernel_initializer", "lstm_bias_initializer_kwargs"),
    *("framestack", "dim", "grayscale", "zero_mean", "custom_model", "custom_model_config", "custom_action_dist"),
    *("custom_preprocessor", "always_check_shapes", "_disable_preprocessor_api", "_disable_action_flattening"),
    *("fcnet_bias_initializer", "conv_bias_initializer_kwargs", "fcnet_kernel_initializer_kwargs"),
    *("head_fcnet_hiddens", "head_fcnet_activation", "fusionnet_hiddens", "fusionnet_activation", "log_std_clip_param"),
]


@pytest.mark.parametrize("key", REFUSED)
def test_a_key_that_cannot_be_honoured_is_refused_with_the_reason_and_what_to_do(make: Any, key: str):
    with pytest.raises(ConfigError, match=rf"The model setting '{key}' cannot be honoured: .{{20,}}\.$"):
        make(**{key: False})


def test_a_replacement_that_is_named_exists():
    named = {name for text in TEXTS.values() for name in re.findall(r"'(\w+)' here", text)}
    assert named == {"post_fcnet_hiddens", "post_fcnet_activation", "post_fcnet_use_layernorm"} | {
        "post_fcnet_kernel_initializer"
    }
    assert named <= {field.name for field in fields(ModelSettings)}


def test_a_contributed_catalog_may_honour_such_a_key(make: Any):
    assert make(StackingCatalog, framestack=True).settings.framestack is True


@pytest.mark.parametrize("value", [0, -1.0, "1", True, float("nan"), float("inf"), None])
def test_a_gain_is_a_positive_number(make: Any, value: Any):
    with pytest.raises(ConfigError, match="'fcnet_kernel_gain' must be a positive number"):
        make(fcnet_kernel_gain=value)


@pytest.mark.parametrize("value", [3, "same", [16], [[16, 8]], [[16, 8, 0]], [[16, [8, 8, 8], 1]], [[4, 2, 1, "full"]]])
def test_convolutions_are_a_list_of_specifiers(make: Any, value: Any):
    with pytest.raises(ConfigError, match=r"'conv_filters' does not fit\. Convolutions are a list of \[kernels"):
        make(conv_filters=value)


def test_convolutions_survive_being_stored():
    given = ModelSettings.parse({"conv_filters": [[16, [8, 4], 4], [32, 3, [2, 1], "valid"]]})
    assert given.conv_filters == ((16, (8, 4), (4, 4), "same"), (32, (3, 3), (2, 1), "valid"))
    assert ModelSettings.parse(json.loads(json.dumps(asdict(given)))) == given


@pytest.mark.parametrize("kind", ["fcnet", "conv", "post_fcnet"])
@pytest.mark.parametrize("value", ["tanhh", "TANH", True, 0, [], ["tanh"], {}, np.array([1]), object])
def test_activations_and_initializers_are_looked_at_even_where_no_layer_has_them(make: Any, kind: str, value: Any):
    for key in (f"{kind}_activation", f"{kind}_kernel_initializer"):
        with pytest.raises(ConfigError, match=f"The model setting '{key}' must be one of .*, got "):
            make(obs=gym.spaces.Box(0, 1, (3,)), **{key: value})


@pytest.mark.parametrize(
    "obs", [gym.spaces.Box(0, 1, (84, 84)), gym.spaces.Discrete(3), gym.spaces.Dict(a=REAL_ACTIONS)]
)
def test_convolutions_where_nothing_is_an_image_are_refused(make: Any, obs: Any):
    with pytest.raises(ConfigError, match=r"'conv_filters' is about images, .* three axes or more; the observation sp"):
        make(obs=obs, conv_filters=[[16, 4, 2]]).get_encoder_config()


def test_convolutions_are_for_the_images_among_the_parts(make: Any):
    obs = gym.spaces.Dict(a=gym.spaces.Tuple((gym.spaces.Box(0, 255, (4, 4, 2), np.uint8),)), b=REAL_ACTIONS)
    assert "Conv2D(2, 5, (2, 2)" in repr(make(obs=obs, conv_filters=[[5, 2, 1]]).get_encoder_config().plan())


@pytest.mark.parametrize(
    "key", ["fcnet_kernel_initializer", "conv_kernel_initializer", "post_fcnet_kernel_initializer"]
)
def test_an_initializer_that_does_not_exist_gets_the_nearest_name(make: Any, key: str):
    image = gym.spaces.Box(0, 255, (4, 4, 2), np.uint8)
    with pytest.raises(ConfigError, match=r"got 'xavier_unifrom'\. Did you mean 'xavier_uniform'"):
        _decided(make(obs=image, **{**BASE, key: "xavier_unifrom"}))


def test_squashed_actions_are_those_of_every_box(make: Any):
    actions = gym.spaces.Dict(a=gym.spaces.Discrete(2), b=gym.spaces.Tuple((REAL_ACTIONS,)))
    descriptor = make(actions=actions, squash_actions=True).get_action_descriptor()
    assert descriptor.children[0] == Categorical(2)
    assert descriptor.children[1].children == (SquashedGaussian.for_space(REAL_ACTIONS),)
    plain = make(actions=actions, normalize_actions=False).get_action_descriptor()
    assert plain.children[1].children == (DiagGaussian(3, normalize_actions=False),)


def test_squashed_actions_may_have_a_free_log_std(make: Any):
    assert make(squash_actions=True, free_log_std=True).get_pi_head_config().plan().records[-1] == FreeParameter(3)


def test_squashing_actions_that_are_no_boxes_is_refused(make: Any):
    with pytest.raises(ConfigError, match=r"'squash_actions' is about Box actions; the action space Discrete\(2\)"):
        make(actions=gym.spaces.Discrete(2), squash_actions=True).get_action_descriptor()


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


@dataclass(frozen=True, kw_only=True)
class StackingSettings(ModelSettings):
    framestack: bool = False


class StackingCatalog(PPOCatalog):
    settings_class = StackingSettings


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
