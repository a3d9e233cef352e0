"""The guide: a multi-agent module is a dictionary of modules, and a single module is one of them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import SingleAgentRLModuleSpec, get_backend
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleSpec


@pytest.fixture
def spec(user: ModuleType) -> SingleAgentRLModuleSpec:
    spaces = gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2)
    return SingleAgentRLModuleSpec(user.PPOModule, *spaces, {"fcnet_hiddens": [8]})


@pytest.fixture
def batch(framework: str) -> dict[str, Any]:
    return {"obs": get_backend(framework).batch(None, np.random.default_rng(0).normal(size=(6, 4)))}


def _logits(out: Any, framework: str) -> np.ndarray:
    logits: np.ndarray = get_backend(framework).to_numpy(out["action_dist_inputs"])
    return logits


def test_a_single_agent_module_becomes_multi_agent(spec: SingleAgentRLModuleSpec, batch: Any, framework: str):
    module = spec.build()
    marl_module = module.as_multi_agent()
    assert marl_module["default_policy"] is module
    out = marl_module.forward_inference({"default_policy": batch})
    expected = module.forward_inference(batch)
    np.testing.assert_array_equal(_logits(out["default_policy"], framework), _logits(expected, framework))


def test_one_spec_for_all_gives_each_agent_its_own_networks(spec: SingleAgentRLModuleSpec, batch: Any, framework: str):
    marl_module = MultiAgentRLModuleSpec(module_specs=spec).for_modules(["red", "blue"]).build()
    assert type(marl_module) is MultiAgentRLModule
    out = marl_module.forward_inference({"red": batch, "blue": batch})
    assert not np.array_equal(_logits(out["red"], framework), _logits(out["blue"], framework))


def test_the_spec_of_a_container_builds_another_one_like_it(spec: SingleAgentRLModuleSpec):
    specs = {"red": spec, "blue": spec.update(SingleAgentRLModuleSpec(action_space=gym.spaces.Discrete(3)))}
    of_both = MultiAgentRLModuleSpec(module_specs=specs)
    assert MultiAgentRLModuleSpec.from_module(of_both.build()) == of_both
    assert MultiAgentRLModuleSpec.from_dict(of_both.to_dict()) == of_both
