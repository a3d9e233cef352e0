"""The guide: passing RL Module specs to the algorithm configuration."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import gymnasium as gym
import pytest

from rlmodule_algorithms import PPOConfig
from rlmodule_catalogs import PPOCatalog
from rlmodule_core import ConfigError, SingleAgentRLModuleSpec


def test_unset_fields_are_filled_from_the_environment_and_the_defaults(config: PPOConfig, build: Any, user: ModuleType):
    module = build(config.rl_module(rl_module_spec=SingleAgentRLModuleSpec(module_class=user.PPOModule))).get_module()
    env = gym.make("CartPole-v1")
    assert type(module) is user.PPOModule
    assert module.config.observation_space == env.observation_space
    assert module.config.action_space == env.action_space
    settings = module.config.model_config_dict
    assert settings["fcnet_hiddens"] == PPOCatalog.settings_class().fcnet_hiddens
    # In this one default PPO differs from the catalog.
    assert settings["vf_share_layers"] is False


def test_fields_that_are_set_are_kept(config: PPOConfig, build: Any, user: ModuleType):
    spec = SingleAgentRLModuleSpec(
        module_class=user.PPOModule,
        model_config_dict={"fcnet_hiddens": [24], "vf_share_layers": True},
        catalog_class=PPOCatalog,
    )
    module = build(config.rl_module(rl_module_spec=spec)).get_module()
    assert module.config.catalog_class is PPOCatalog
    assert module.get_state()["encoder.shared.0.weight"].shape == (24, 4)


def test_the_algorithm_s_model_settings_fill_the_spec_too(config: PPOConfig, build: Any):
    config.training(model={"fcnet_hiddens": [24], "fcnet_activation": "relu"})
    spec = SingleAgentRLModuleSpec(model_config_dict={"fcnet_hiddens": [12]})
    settings = build(config.rl_module(rl_module_spec=spec)).get_module().config.model_config_dict
    assert settings["fcnet_hiddens"] == [12]
    assert settings["fcnet_activation"] == "relu"


def test_no_spec_at_all_is_the_default_module(config: PPOConfig, build: Any, user: ModuleType):
    assert type(build(config).get_module()) is user.PPOModule


def test_the_users_spec_is_not_changed(config: PPOConfig, build: Any, user: ModuleType):
    spec = SingleAgentRLModuleSpec(module_class=user.PPOModule)
    build(config.rl_module(rl_module_spec=spec))
    assert spec == SingleAgentRLModuleSpec(module_class=user.PPOModule)


def test_what_is_no_spec_is_refused(config: PPOConfig, build: Any, user: ModuleType):
    for wrong in (user.PPOModule, {"module_class": user.PPOModule}, user.PPOModule.__name__):
        with pytest.raises(ConfigError, match="'rl_module_spec' must be a SingleAgentRLModuleSpec, got"):
            build(config.rl_module(rl_module_spec=wrong))
