"""The guide: a multi-agent module is a dictionary of modules, and a single module is one of them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch

from rlmodule_algorithms import PPOTorchRLModule
from rlmodule_core import SingleAgentRLModuleSpec
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleSpec

SPEC = SingleAgentRLModuleSpec(
    PPOTorchRLModule, gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2), {"fcnet_hiddens": [8]}
)


@pytest.fixture
def batch() -> dict[str, Any]:
    return {"obs": torch.randn(6, 4, generator=torch.Generator().manual_seed(0))}


def test_a_single_agent_module_becomes_multi_agent(batch: Any):
    module = SPEC.build()
    marl_module = module.as_multi_agent()
    assert marl_module["default_policy"] is module
    out = marl_module.forward_inference({"default_policy": batch})
    expected = module.forward_inference(batch)
    assert torch.equal(out["default_policy"]["action_dist_inputs"], expected["action_dist_inputs"])


def test_one_spec_for_all_gives_each_agent_its_own_networks(batch: Any):
    marl_module = MultiAgentRLModuleSpec(module_specs=SPEC).for_modules(["red", "blue"]).build()
    assert type(marl_module) is MultiAgentRLModule
    out = marl_module.forward_inference({"red": batch, "blue": batch})
    assert not torch.equal(out["red"]["action_dist_inputs"], out["blue"]["action_dist_inputs"])


def test_the_spec_of_a_container_builds_another_one_like_it():
    specs = {"red": SPEC, "blue": SPEC.update(SingleAgentRLModuleSpec(action_space=gym.spaces.Discrete(3)))}
    spec = MultiAgentRLModuleSpec(module_specs=specs)
    assert MultiAgentRLModuleSpec.from_module(spec.build()) == spec
    assert MultiAgentRLModuleSpec.from_dict(spec.to_dict()) == spec
