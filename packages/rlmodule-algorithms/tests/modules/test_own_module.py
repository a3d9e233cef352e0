from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_layers import base, dense, in_turn, ppo_base, tanh

from rlmodule_algorithms import PPOConfig, PPORLModule
from rlmodule_core import CheckpointError, ConfigError, Policy, SingleAgentRLModuleSpec

ID = "default_policy"


@cache
def own_module(framework: str) -> Any:
    class OwnModule(base(framework)):  # type: ignore[misc]
        """As a user would write it, without a catalog."""

        def setup(self) -> None:
            width = self.config.observation_space.shape[0]
            layers: list[Any] = []
            for hidden in self.config.model_config_dict["fcnet_hiddens"]:
                layers += [dense(framework, width, hidden), tanh(framework)]
                width = hidden
            self.body = in_turn(framework, *layers)
            self.policy = dense(framework, width, self.config.action_space.n)
            self.value = dense(framework, width, 1)

        def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            latent = self.body(batch["obs"])
            return {"action_dist_inputs": self.policy(latent), "vf_preds": self.value(latent)[..., 0]}

        def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"action_dist_inputs": self.policy(self.body(batch["obs"]))}

        _forward_inference = _forward_exploration

    return OwnModule


@cache
def own_ppo_module(framework: str) -> Any:
    class OwnPPOModule(ppo_base(framework)):  # type: ignore[misc]
        """A subclass that adds a layer in front of the standard encoder."""

        def setup(self) -> None:
            super().setup()
            self.scale = dense(framework, 1, 1)

        def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            return super()._forward_train({"obs": self.scale(batch["obs"])})

        def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            return super()._forward_exploration({"obs": self.scale(batch["obs"])})

        def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            return super()._forward_inference({"obs": self.scale(batch["obs"])})

    return OwnPPOModule


class OwnNeutralModule(PPORLModule):
    """A subclass that names no framework."""

    def setup(self) -> None:
        super().setup()
        self.note = "neutral"


def own_neutral_module(framework: str) -> Any:
    return OwnNeutralModule


Make = Callable[[str], type[Any]]


def configured(config: PPOConfig, env: Any, module_class: type[Any]) -> PPOConfig:
    spec = SingleAgentRLModuleSpec(module_class=module_class)
    config.environment(env).training(lr=0.02, model={"fcnet_hiddens": [8, 6]})
    return config.rl_module(rl_module_spec=spec, _enable_rl_module_api=True)


@pytest.mark.parametrize("make", [own_module, own_ppo_module, own_neutral_module])
def test_a_module_of_the_users_own_learns_the_bandit(
    bandit: Any, small_ppo: PPOConfig, build: Any, make: Make, framework: str
) -> None:
    module_class = make(framework)
    algorithm = build(configured(small_ppo, bandit, module_class))
    module = algorithm.get_module()
    before = module.get_state()
    results = [algorithm.train() for _ in range(8)]
    assert isinstance(module, module_class)
    assert algorithm.acting_framework == framework
    assert all((before[name] != value).any() for name, value in module.get_state().items())
    assert results[-1]["learners"][ID]["vf_loss"] < results[0]["learners"][ID]["vf_loss"]
    assert algorithm.evaluate(episodes=20)["episode_return_mean"] == 1.0


def test_the_settings_of_the_module_arrive_untouched(
    bandit: Any, small_ppo: PPOConfig, build: Any, framework: str
) -> None:
    module = build(configured(small_ppo, bandit, own_module(framework))).get_module()
    state = module.get_state()
    assert [state[name].shape for name in state if name.startswith("body.") and "bias" in name] == [(8,), (6,)]
    # What the user left out has the catalog's default.
    assert module.config.model_config_dict["fcnet_activation"] == "tanh"


def test_settings_in_the_spec_win_over_those_of_training(
    bandit: Any, small_ppo: PPOConfig, build: Any, framework: str
) -> None:
    own = own_module(framework)
    spec = SingleAgentRLModuleSpec(module_class=own, model_config_dict={"fcnet_hiddens": [3], "mine": 1})
    config = configured(small_ppo, bandit, own).rl_module(rl_module_spec=spec)
    settings = build(config).get_module().config.model_config_dict
    assert (settings["fcnet_hiddens"], settings["mine"]) == ([3], 1)


def test_a_neutral_module_is_combined_with_the_framework(
    bandit: Any, small_ppo: PPOConfig, build: Any, framework: str
) -> None:
    module = build(configured(small_ppo, bandit, OwnNeutralModule)).get_module()
    assert isinstance(module, ppo_base(framework))
    assert module.note == "neutral"


@pytest.mark.parametrize("make", [own_module, own_ppo_module])
def test_it_is_saved_and_served_where_its_class_is(
    bandit: Any, small_ppo: PPOConfig, build: Any, tmp_path: Path, make: Make, framework: str
) -> None:
    module_class = make(framework)
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


def test_a_module_without_values_is_refused_by_name(
    bandit: Any, small_ppo: PPOConfig, build: Any, framework: str
) -> None:
    class Valueless(own_module(framework)):  # type: ignore[misc]
        def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            return self._forward_exploration(batch)

    algorithm = build(configured(small_ppo, bandit, Valueless))
    with pytest.raises(ValueError, match=r"Valueless.forward_train returned \['action_dist_inputs'\]"):
        algorithm.train()


def test_a_module_that_only_gives_actions_is_told_what_ppo_needs(
    bandit: Any, small_ppo: PPOConfig, build: Any, framework: str
) -> None:
    class ActionsOnly(own_module(framework)):  # type: ignore[misc]
        def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            logits = super()._forward_exploration(batch)["action_dist_inputs"]
            return {"actions": self.backend.ops.argmax(logits)}

    algorithm = build(configured(small_ppo, bandit, ActionsOnly))
    with pytest.raises(ConfigError, match=r"PPOLearner needs the columns \['action_logp', 'action_dist_inputs'\]"):
        algorithm.train()
