"""The guide: writing custom multi-agent RL Modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import pytest
import torch
from torch import nn

from rlmodule_core import SingleAgentRLModuleSpec, SpecCheckingError, SpecType, compute_actions
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleSpec
from rlmodule_torch import TorchRLModule


class BCTorchRLModuleWithSharedGlobalEncoder(TorchRLModule):
    """Applies an encoder that it shares with others to the global part of the observations."""

    def __init__(self, encoder: nn.Module, local_dim: int, hidden_dim: int, action_dim: int) -> None:
        super().__init__(config=None)
        self.encoder = encoder
        self.policy_head = nn.Sequential(
            nn.Linear(hidden_dim + local_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, action_dim)
        )

    def input_specs_train(self) -> SpecType:
        return [("obs", "global"), ("obs", "local")]

    input_specs_exploration = input_specs_inference = input_specs_train

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        obs = batch["obs"]
        policy_in = torch.cat([self.encoder(obs["global"]), obs["local"]], dim=-1)
        return {"action_dist_inputs": self.policy_head(policy_in)}

    _forward_exploration = _forward_inference = _forward_train


class BCTorchMultiAgentModuleWithSharedEncoder(MultiAgentRLModule):
    def setup(self) -> None:
        module_specs = self.config.modules
        first = next(iter(module_specs.values()))
        global_dim = first.observation_space["global"].shape[0]
        hidden_dim = first.model_config_dict["fcnet_hiddens"][0]
        shared_encoder = nn.Sequential(nn.Linear(global_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, hidden_dim))
        self._rl_modules = {
            module_id: spec.module_class(
                encoder=shared_encoder,
                local_dim=spec.observation_space["local"].shape[0],
                hidden_dim=hidden_dim,
                action_dim=spec.action_space.n,
            )
            for module_id, spec in module_specs.items()
        }


def _spec(local_dim: int, actions: int) -> SingleAgentRLModuleSpec:
    return SingleAgentRLModuleSpec(
        module_class=BCTorchRLModuleWithSharedGlobalEncoder,
        observation_space=gym.spaces.Dict(
            {"global": gym.spaces.Box(-1, 1, (3,)), "local": gym.spaces.Box(-1, 1, (local_dim,))}
        ),
        action_space=gym.spaces.Discrete(actions),
        model_config_dict={"fcnet_hiddens": [16]},
    )


@pytest.fixture
def shared() -> MultiAgentRLModule:
    spec = MultiAgentRLModuleSpec(
        marl_module_class=BCTorchMultiAgentModuleWithSharedEncoder,
        module_specs={"local_2d": _spec(2, 2), "local_5d": _spec(5, 4)},
    )
    return spec.build()


def _batch(local_dim: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    return {
        "obs": {
            "global": torch.randn(6, 3, generator=generator),
            "local": torch.randn(6, local_dim, generator=generator),
        }
    }


def test_each_agent_answers_in_its_own_action_space(shared: MultiAgentRLModule):
    out = shared.forward_train({"local_2d": _batch(2), "local_5d": _batch(5)})
    assert out["local_2d"]["action_dist_inputs"].shape == (6, 2)
    assert out["local_5d"]["action_dist_inputs"].shape == (6, 4)


def test_the_encoder_is_one_and_the_same(shared: MultiAgentRLModule):
    assert shared["local_2d"].encoder is shared["local_5d"].encoder
    shared["local_2d"].encoder[0].weight.data += 1.0
    assert torch.equal(shared["local_2d"].encoder[0].weight, shared["local_5d"].encoder[0].weight)


def test_gradients_of_both_agents_reach_it(shared: MultiAgentRLModule):
    out = shared.forward_train({"local_2d": _batch(2), "local_5d": _batch(5)})
    weight = shared["local_2d"].encoder[0].weight
    each = [
        torch.autograd.grad(columns["action_dist_inputs"].sum(), weight, retain_graph=True)[0]
        for columns in out.values()
    ]
    sum(columns["action_dist_inputs"].sum() for columns in out.values()).backward()
    torch.testing.assert_close(weight.grad, each[0] + each[1])


def test_nested_observations_are_checked_by_each_agent(shared: MultiAgentRLModule):
    with pytest.raises(SpecCheckingError, match=r"BCTorchRLModuleWithSharedGlobalEncoder.*'local'.*missing"):
        shared.forward_inference({"local_2d": {"obs": {"global": torch.zeros(6, 3)}}})


def test_a_single_agent_module_becomes_multi_agent(shared: MultiAgentRLModule):
    module = shared["local_2d"]
    marl_module = module.as_multi_agent()
    assert marl_module["default_policy"] is module
    out = marl_module.forward_inference({"default_policy": _batch(2)})
    expected = module.forward_inference(_batch(2))
    assert torch.equal(out["default_policy"]["action_dist_inputs"], expected["action_dist_inputs"])


def test_the_modules_without_a_config_say_what_choosing_actions_needs(shared: MultiAgentRLModule):
    with pytest.raises(ValueError, match=r"has no action space.*get_exploration_action_dist_cls"):
        compute_actions(shared["local_2d"], _batch(2), explore=True)
