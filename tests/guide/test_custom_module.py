"""The guide: writing custom single-agent RL Modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rlmodule_algorithms import PPOConfig
from rlmodule_core import RLModuleError, SingleAgentRLModuleSpec
from rlmodule_torch import TorchRLModule


class DiscreteBCTorchModule(TorchRLModule):
    def setup(self) -> None:
        input_dim = self.config.observation_space.shape[0]
        hidden_dim = self.config.model_config_dict["fcnet_hiddens"][0]
        output_dim = self.config.action_space.n
        self.policy = nn.Sequential(nn.Linear(input_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, output_dim))
        self.input_dim = input_dim

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        with torch.no_grad():
            return self._forward_train(batch)

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        with torch.no_grad():
            return self._forward_train(batch)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.policy(batch["obs"])}


class WithValues(DiscreteBCTorchModule):
    """The same with what PPO's loss needs besides."""

    def setup(self) -> None:
        super().setup()
        self.values = nn.Linear(self.input_dim, 1)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**super()._forward_train(batch), "vf_preds": self.values(batch["obs"])[:, 0]}


def _spec(module_class: type[TorchRLModule]) -> SingleAgentRLModuleSpec:
    return SingleAgentRLModuleSpec(module_class=module_class, model_config_dict={"fcnet_hiddens": [20]})


def test_the_module_is_built_from_the_fields_of_its_config(config: PPOConfig, build: Any):
    module = build(config.rl_module(rl_module_spec=_spec(WithValues))).get_module()
    assert type(module) is WithValues
    assert module.framework == "torch"
    assert module.policy[0].weight.shape == (20, 4)


def test_ppo_trains_it(config: PPOConfig, build: Any):
    algorithm = build(config.rl_module(rl_module_spec=_spec(WithValues)))
    before = algorithm.get_module().get_state()
    result = algorithm.train()
    after = algorithm.get_module().get_state()
    assert set(after) == {
        f"{part}.{leaf}" for part in ("policy.0", "policy.2", "values") for leaf in ("weight", "bias")
    }
    assert all(not np.array_equal(after[name], before[name]) for name in before)
    assert np.isfinite(result["learners"]["default_policy"]["policy_loss"])


def test_the_trained_module_itself_answers(config: PPOConfig, build: Any):
    algorithm = build(config.rl_module(rl_module_spec=_spec(WithValues)))
    algorithm.train()
    obs = np.array([0.1, -0.2, 0.3, 0.0], np.float32)
    action, _, _ = algorithm.compute_single_action(obs)
    logits = algorithm.get_module().forward_inference({"obs": torch.from_numpy(obs)[None]})["action_dist_inputs"]
    assert action == int(logits.argmax())


def test_acting_needs_no_gradients_and_training_has_them(config: PPOConfig, build: Any):
    module = build(config.rl_module(rl_module_spec=_spec(WithValues))).get_module()
    batch = {"obs": torch.ones(2, 4)}
    assert module.forward_train(batch)["action_dist_inputs"].requires_grad
    assert not module.forward_exploration(batch)["action_dist_inputs"].requires_grad
    assert not module.forward_inference(batch)["action_dist_inputs"].requires_grad


def test_a_module_without_values_is_refused_by_name(config: PPOConfig, build: Any):
    with pytest.raises(RLModuleError, match=r"(?s)DiscreteBCTorchModule.*vf_preds"):
        build(config.rl_module(rl_module_spec=_spec(DiscreteBCTorchModule))).train()


@pytest.mark.parametrize("missing", ["_forward_train", "_forward_exploration", "_forward_inference"])
def test_all_three_forwards_must_be_written(missing: str):
    forwards = {name: getattr(DiscreteBCTorchModule, name) for name in vars(DiscreteBCTorchModule) if "forward" in name}
    del forwards[missing]
    with pytest.raises(TypeError, match=missing):
        type("Incomplete", (TorchRLModule,), forwards)()
