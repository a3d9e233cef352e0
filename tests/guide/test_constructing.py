"""The guide: constructing RL Modules."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_catalogs import PPOCatalog
from rlmodule_core import ConfigError, RLModuleConfig, SingleAgentRLModuleSpec
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleSpec

ENV = gym.make("CartPole-v1")


def _batch(module: Any, rows: int, width: int = 4) -> dict[str, Any]:
    return {"obs": module.backend.batch(None, np.zeros((rows, width)))}


def test_a_single_agent_module_from_its_spec(user: ModuleType):
    spec = SingleAgentRLModuleSpec(
        module_class=user.PPOModule,
        observation_space=ENV.observation_space,
        action_space=ENV.action_space,
        model_config_dict={"fcnet_hiddens": [64]},
        catalog_class=PPOCatalog,
    )
    module = spec.build()
    assert type(module) is user.PPOModule
    assert module.forward_inference(_batch(module, 3))["action_dist_inputs"].shape == (3, 2)
    assert module.get_state()["pi.0.weight"].shape == (2, 64)


def test_a_single_agent_module_from_its_class(user: ModuleType):
    config = RLModuleConfig(
        observation_space=ENV.observation_space,
        action_space=ENV.action_space,
        model_config_dict={"fcnet_hiddens": [64]},
        catalog_class=PPOCatalog,
    )
    module = user.PPOModule(config)
    assert module.config is config
    assert module.forward_train(_batch(module, 3))["vf_preds"].shape == (3,)


def test_both_ways_build_the_same_architecture(user: ModuleType):
    spec = SingleAgentRLModuleSpec(user.PPOModule, ENV.observation_space, ENV.action_space, {}, PPOCatalog)
    assert spec.build().frozen_plans() == user.PPOModule(spec.get_rl_module_config()).frozen_plans()


@pytest.mark.parametrize("field", ["module_class", "observation_space", "action_space", "model_config_dict"])
def test_a_missing_field_is_named(field: str, user: ModuleType):
    fields: dict[str, Any] = {
        "module_class": user.PPOModule,
        "observation_space": ENV.observation_space,
        "action_space": ENV.action_space,
        "model_config_dict": {},
    }
    with pytest.raises(ConfigError, match=rf"SingleAgentRLModuleSpec\.{field} must be set before build\(\), got None"):
        SingleAgentRLModuleSpec(**{**fields, field: None}).build()


def test_a_multi_agent_module_from_its_specs(user: ModuleType):
    spec = MultiAgentRLModuleSpec(
        module_specs={
            "module_1": SingleAgentRLModuleSpec(
                module_class=user.PPOModule,
                observation_space=gym.spaces.Box(low=-1, high=1, shape=(10,)),
                action_space=gym.spaces.Discrete(2),
                model_config_dict={"fcnet_hiddens": [32]},
                catalog_class=PPOCatalog,
            ),
            "module_2": SingleAgentRLModuleSpec(
                module_class=user.PPOModule,
                observation_space=gym.spaces.Box(low=-1, high=1, shape=(5,)),
                action_space=gym.spaces.Discrete(3),
                model_config_dict={"fcnet_hiddens": [16]},
                catalog_class=PPOCatalog,
            ),
        },
    )
    marl_module = spec.build()
    assert type(marl_module) is MultiAgentRLModule
    out = marl_module.forward_inference(
        {"module_1": _batch(marl_module["module_1"], 4, 10), "module_2": _batch(marl_module["module_2"], 6, 5)}
    )
    assert out["module_1"]["action_dist_inputs"].shape == (4, 2)
    assert out["module_2"]["action_dist_inputs"].shape == (6, 3)
