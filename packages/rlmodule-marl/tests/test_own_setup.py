from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from gymnasium.spaces import Box, Discrete
from torch_agents import Bare

from rlmodule_core import ConfigError, SingleAgentRLModuleSpec
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleConfig, MultiAgentRLModuleSpec

torch = pytest.importorskip("torch")


class SharedEncoder(MultiAgentRLModule):
    """One encoder for all agents."""

    def setup(self) -> None:
        specs = self.config.modules
        encoder = torch.nn.Linear(specs["red"].model_config_dict["obs"], 8)
        for module_id, spec in specs.items():
            self._rl_modules[module_id] = Bare(encoder, spec.model_config_dict["actions"])


SPECS = {
    "red": SingleAgentRLModuleSpec(model_config_dict={"obs": 4, "actions": 2}),
    "blue": SingleAgentRLModuleSpec(model_config_dict={"obs": 4, "actions": 3}),
}


@pytest.fixture
def shared() -> MultiAgentRLModule:
    return MultiAgentRLModuleSpec(marl_module_class=SharedEncoder, module_specs=SPECS).build()


def test_the_shared_tensor_is_the_same_object(shared: MultiAgentRLModule):
    assert shared.framework == "torch"
    assert shared["red"].encoder.weight is shared["blue"].encoder.weight
    assert shared["red"].head.weight is not shared["blue"].head.weight


def test_both_agents_train_the_shared_encoder(shared: MultiAgentRLModule):
    out = shared.forward_train({module_id: {"obs": torch.ones(5, 4)} for module_id in shared})
    assert out["red"]["action_dist_inputs"].shape == (5, 2)
    out["red"]["action_dist_inputs"].sum().backward()
    gradient = shared["blue"].encoder.weight.grad.clone()
    out["blue"]["action_dist_inputs"].sum().backward()
    assert not torch.equal(shared["blue"].encoder.weight.grad, gradient)
    assert shared["red"].head.weight.grad.shape == (2, 8)


def test_they_still_share_after_a_state_was_set(shared: MultiAgentRLModule):
    other = SharedEncoder(shared.config)
    other.set_state(shared.get_state())
    assert other["red"].encoder.weight is other["blue"].encoder.weight
    assert torch.equal(other["red"].encoder.weight, shared["red"].encoder.weight)


def test_the_spec_of_such_a_container_builds_its_like(shared: MultiAgentRLModule):
    made = MultiAgentRLModuleSpec.from_module(shared)
    assert made == MultiAgentRLModuleSpec(SharedEncoder, SPECS)
    assert made.build()["blue"].head.weight.shape == (3, 8)


@pytest.mark.parametrize("module_id", ["red", "blue"])
def test_what_a_spec_alone_cannot_build_says_so(module_id: str):
    specs = {
        key: replace(spec, module_class=Bare, observation_space=Box(-1, 1, (4,)), action_space=Discrete(2))
        for key, spec in SPECS.items()
    }
    with pytest.raises(
        ConfigError, match=r"Bare\.__init__ does not take an RLModuleConfig alone \(missing .*'actions'"
    ):
        MultiAgentRLModuleSpec(SharedEncoder, specs).build(module_id)


def test_such_a_spec_does_not_say_where_first_weights_came_from():
    specs = {module_id: replace(spec, load_state_path="there") for module_id, spec in SPECS.items()}
    made = MultiAgentRLModuleSpec.from_module(SharedEncoder(MultiAgentRLModuleConfig(specs)))
    assert made == MultiAgentRLModuleSpec(SharedEncoder, SPECS)


def test_more_agents_join_later(shared: MultiAgentRLModule):
    shared.add_module("green", Bare(shared["red"].encoder, 4))
    assert shared.forward_inference({"green": {"obs": torch.ones(5, 4)}})["green"]["action_dist_inputs"].shape == (5, 4)


def _filled(content: Any) -> type[MultiAgentRLModule]:
    class Filled(MultiAgentRLModule):
        def setup(self) -> None:
            self._rl_modules = content

    return Filled


@pytest.mark.parametrize("content", [None, 3, [Bare(torch.nn.Linear(4, 8), 2)], "red"])
def test_what_is_no_mapping_is_refused(content: Any):
    with pytest.raises(ConfigError, match=r"Filled\.setup\(\) must fill self\._rl_modules with modules by id, found"):
        _filled(content)()


def test_a_setup_that_fills_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"Filled\.setup\(\) left self\._rl_modules empty.*names: red, blue"):
        _filled({})(MultiAgentRLModuleConfig(SPECS))
    with pytest.raises(ConfigError, match=r"empty.*names: none"):
        _filled({})()


@pytest.mark.parametrize("rubbish", [3, None, torch.nn.Linear(4, 2), Bare])
def test_what_is_no_module_is_refused_by_its_id(rubbish: Any):
    with pytest.raises(ConfigError, match="Module 'blue' must be a single-agent RLModule, got a"):
        _filled({"red": Bare(torch.nn.Linear(4, 8), 2), "blue": rubbish})()
    with pytest.raises(ConfigError, match="Module 'blue' must be a single-agent RLModule, got a"):
        _filled({"blue": rubbish})()


def test_an_illegal_id_is_refused():
    with pytest.raises(ConfigError, match="'a/b' is no legal module id"):
        _filled({"a/b": Bare(torch.nn.Linear(4, 8), 2)})()


def test_frameworks_are_not_mixed(module: Any):
    with pytest.raises(ConfigError, match="module 'blue' is of 'numpy', the others are of 'torch'"):
        _filled({"red": Bare(torch.nn.Linear(4, 8), 2), "blue": module()})()


def test_any_mapping_will_do_and_can_be_added_to():
    agent = Bare(torch.nn.Linear(4, 8), 2)
    container = _filled(MappingProxyType({"red": agent}))()
    container.add_module("blue", agent)
    assert list(container) == ["red", "blue"]
