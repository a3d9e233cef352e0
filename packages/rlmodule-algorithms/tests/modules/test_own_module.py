from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from rlmodule_algorithms import PPOConfig, PPORLModule, PPOTorchRLModule
from rlmodule_core import CheckpointError, ConfigError, Policy, SingleAgentRLModuleSpec
from rlmodule_torch import TorchRLModule

ID = "default_policy"


class OwnModule(TorchRLModule):
    """As a user would write it, without a catalog."""

    def setup(self) -> None:
        width = self.config.observation_space.shape[0]
        hiddens = self.config.model_config_dict["fcnet_hiddens"]
        layers: list[nn.Module] = []
        for hidden in hiddens:
            layers += [nn.Linear(width, hidden), nn.Tanh()]
            width = hidden
        self.body = nn.Sequential(*layers)
        self.policy = nn.Linear(width, self.config.action_space.n)
        self.value = nn.Linear(width, 1)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        latent = self.body(batch["obs"])
        return {"action_dist_inputs": self.policy(latent), "vf_preds": self.value(latent).squeeze(-1)}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.policy(self.body(batch["obs"]))}

    _forward_inference = _forward_exploration


class OwnPPOModule(PPOTorchRLModule):
    """A subclass that adds a layer in front of the standard encoder."""

    def setup(self) -> None:
        super().setup()
        self.scale = nn.Linear(1, 1)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._forward_train({"obs": self.scale(batch["obs"])})

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._forward_exploration({"obs": self.scale(batch["obs"])})

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._forward_inference({"obs": self.scale(batch["obs"])})


class OwnNeutralModule(PPORLModule):
    """A subclass that names no framework."""

    def setup(self) -> None:
        super().setup()
        self.note = "neutral"


def configured(config: PPOConfig, env: Any, module_class: type[Any]) -> PPOConfig:
    spec = SingleAgentRLModuleSpec(module_class=module_class)
    config.environment(env).training(lr=0.02, model={"fcnet_hiddens": [8, 6]})
    return config.rl_module(rl_module_spec=spec, _enable_rl_module_api=True)


@pytest.mark.parametrize("module_class", [OwnModule, OwnPPOModule, OwnNeutralModule])
def test_a_module_of_the_users_own_learns_the_bandit(
    bandit: Any, small_ppo: PPOConfig, build: Any, module_class: type[Any]
) -> None:
    algorithm = build(configured(small_ppo, bandit, module_class))
    module = algorithm.get_module()
    before = module.get_state()
    results = [algorithm.train() for _ in range(8)]
    assert isinstance(module, module_class)
    assert algorithm.acting_framework == "torch"
    assert all((before[name] != value).any() for name, value in module.get_state().items())
    assert results[-1]["learners"][ID]["vf_loss"] < results[0]["learners"][ID]["vf_loss"]
    assert algorithm.evaluate(episodes=20)["episode_return_mean"] == 1.0


def test_the_settings_of_the_module_arrive_untouched(bandit: Any, small_ppo: PPOConfig, build: Any) -> None:
    module = build(configured(small_ppo, bandit, OwnModule)).get_module()
    assert [layer.out_features for layer in module.body if isinstance(layer, nn.Linear)] == [8, 6]
    # What the user left out has the catalog's default.
    assert module.config.model_config_dict["fcnet_activation"] == "tanh"


def test_settings_in_the_spec_win_over_those_of_training(bandit: Any, small_ppo: PPOConfig, build: Any) -> None:
    spec = SingleAgentRLModuleSpec(module_class=OwnModule, model_config_dict={"fcnet_hiddens": [3], "mine": 1})
    config = configured(small_ppo, bandit, OwnModule).rl_module(rl_module_spec=spec)
    settings = build(config).get_module().config.model_config_dict
    assert (settings["fcnet_hiddens"], settings["mine"]) == ([3], 1)


def test_a_neutral_module_is_combined_with_the_framework(bandit: Any, small_ppo: PPOConfig, build: Any) -> None:
    module = build(configured(small_ppo, bandit, OwnNeutralModule)).get_module()
    assert isinstance(module, PPOTorchRLModule)
    assert module.note == "neutral"


@pytest.mark.parametrize("module_class", [OwnModule, OwnPPOModule])
def test_it_is_saved_and_served_where_its_class_is(
    bandit: Any, small_ppo: PPOConfig, build: Any, tmp_path: Path, module_class: type[Any]
) -> None:
    algorithm = build(configured(small_ppo, bandit, module_class))
    algorithm.train()
    algorithm.save(tmp_path)
    policy = Policy.from_checkpoint(tmp_path, module_class=module_class)
    obs = np.linspace(-1, 1, 50, dtype=np.float32)[:, None]
    expected = Policy(algorithm.get_module()).compute_actions(obs)[2]
    assert type(policy.module) is module_class
    assert np.array_equal(policy.compute_actions(obs)[2]["action_dist_inputs"], expected["action_dist_inputs"])
    with pytest.raises((CheckpointError, ConfigError), match=module_class.__name__):
        Policy.from_checkpoint(tmp_path, framework="numpy", module_class=module_class)


def test_a_module_without_values_is_refused_by_name(bandit: Any, small_ppo: PPOConfig, build: Any) -> None:
    class Valueless(OwnModule):
        def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            return self._forward_exploration(batch)

    algorithm = build(configured(small_ppo, bandit, Valueless))
    with pytest.raises(ValueError, match=r"Valueless.forward_train returned \['action_dist_inputs'\]"):
        algorithm.train()


def test_a_module_that_only_gives_actions_is_told_what_ppo_needs(bandit: Any, small_ppo: PPOConfig, build: Any) -> None:
    class ActionsOnly(OwnModule):
        def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"actions": super()._forward_exploration(batch)["action_dist_inputs"].argmax(-1)}

    algorithm = build(configured(small_ppo, bandit, ActionsOnly))
    with pytest.raises(ConfigError, match=r"PPOLearner needs the columns \['action_logp', 'action_dist_inputs'\]"):
        algorithm.train()
