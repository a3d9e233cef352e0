from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from agents import bare
from gymnasium.spaces import Box, Discrete
from own_layers import built_dense, gradients

from rlmodule_core import ConfigError, SingleAgentRLModuleSpec
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleConfig, MultiAgentRLModuleSpec


class SharedEncoder(MultiAgentRLModule):
    """One encoder for all agents."""

    def setup(self) -> None:
        specs, here = self.config.modules, self.config.framework
        encoder = built_dense(here, specs["red"].model_config_dict["obs"], 8)
        for module_id, spec in specs.items():
            self._rl_modules[module_id] = bare(here)(encoder, spec.model_config_dict["actions"])


SPECS = {
    "red": SingleAgentRLModuleSpec(model_config_dict={"obs": 4, "actions": 2}),
    "blue": SingleAgentRLModuleSpec(model_config_dict={"obs": 4, "actions": 3}),
}


@pytest.fixture
def shared(framework: str) -> MultiAgentRLModule:
    return MultiAgentRLModuleSpec(marl_module_class=SharedEncoder, module_specs=SPECS).build(framework=framework)


def weights(container: MultiAgentRLModule, module_id: str) -> dict[str, Any]:
    """The native ones, by what they are called beside their biases."""
    module: Any = container[module_id]
    named = module.backend.named_weights(module)
    return {name.partition(".")[0]: weight for name, weight in named.items() if not name.endswith("bias")}


def test_the_shared_tensor_is_the_same_object(shared: MultiAgentRLModule, framework: str):
    assert shared.framework == framework
    red, blue = (weights(shared, module_id) for module_id in ("red", "blue"))
    assert red["encoder"] is blue["encoder"]
    assert red["head"] is not blue["head"]


def test_both_agents_train_the_shared_encoder(shared: MultiAgentRLModule, framework: str):
    backend: Any = shared["red"].backend
    obs = backend.batch(None, np.ones((5, 4)))
    red, blue = (weights(shared, module_id) for module_id in ("red", "blue"))
    found = []
    for module_id, actions in {"red": 2, "blue": 3}.items():

        def run(module_id: str = module_id, actions: int = actions) -> Any:
            out = shared.forward_train({module_id: {"obs": obs} for module_id in shared})
            assert out[module_id]["action_dist_inputs"].shape == (5, actions)
            return backend.ops.sum(out[module_id]["action_dist_inputs"])

        found.append(gradients(framework, run, [blue["encoder"], red["head"]]))
    assert all(np.abs(each[0]).max() > 0 for each in found)
    assert not np.array_equal(found[0][0], found[1][0])
    assert np.abs(found[0][1]).max() > 0
    assert found[1][1] is None


def test_they_still_share_after_a_state_was_set(shared: MultiAgentRLModule):
    other = SharedEncoder(shared.config)
    other.set_state(shared.get_state())
    assert weights(other, "red")["encoder"] is weights(other, "blue")["encoder"]
    for name, array in shared["red"].get_state().items():
        np.testing.assert_array_equal(other["red"].get_state()[name], array)


def test_the_spec_of_such_a_container_builds_its_like(shared: MultiAgentRLModule, framework: str):
    made = MultiAgentRLModuleSpec.from_module(shared)
    assert made == MultiAgentRLModuleSpec(SharedEncoder, SPECS)
    assert made.build(framework=framework)["blue"].get_state()["head.bias"].shape == (3,)


@pytest.mark.parametrize("module_id", ["red", "blue"])
def test_what_a_spec_alone_cannot_build_says_so(module_id: str, framework: str):
    specs = {
        key: replace(spec, module_class=bare(framework), observation_space=Box(-1, 1, (4,)), action_space=Discrete(2))
        for key, spec in SPECS.items()
    }
    with pytest.raises(
        ConfigError, match=r"Bare\.__init__ does not take an RLModuleConfig alone \(missing .*'actions'"
    ):
        MultiAgentRLModuleSpec(SharedEncoder, specs).build(module_id)


def test_such_a_spec_does_not_say_where_first_weights_came_from(framework: str):
    specs = {module_id: replace(spec, load_state_path="there") for module_id, spec in SPECS.items()}
    made = MultiAgentRLModuleSpec.from_module(SharedEncoder(MultiAgentRLModuleConfig(specs, framework)))
    assert made == MultiAgentRLModuleSpec(SharedEncoder, SPECS)


def test_more_agents_join_later(shared: MultiAgentRLModule, framework: str):
    encoder: Any = shared["red"].encoder  # type: ignore[attr-defined]
    shared.add_module("green", bare(framework)(encoder, 4))
    obs = shared["green"].backend.batch(None, np.ones((5, 4)))
    assert shared.forward_inference({"green": {"obs": obs}})["green"]["action_dist_inputs"].shape == (5, 4)


def _filled(content: Any) -> type[MultiAgentRLModule]:
    class Filled(MultiAgentRLModule):
        def setup(self) -> None:
            self._rl_modules = content

    return Filled


@pytest.fixture
def agent(framework: str) -> Any:
    return bare(framework)(built_dense(framework, 4, 8), 2)


def test_what_is_no_mapping_is_refused(agent: Any):
    for content in (None, 3, [agent], "red"):
        with pytest.raises(
            ConfigError, match=r"Filled\.setup\(\) must fill self\._rl_modules with modules by id, found"
        ):
            _filled(content)()


def test_a_setup_that_fills_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"Filled\.setup\(\) left self\._rl_modules empty.*names: red, blue"):
        _filled({})(MultiAgentRLModuleConfig(SPECS))
    with pytest.raises(ConfigError, match=r"empty.*names: none"):
        _filled({})()


def test_what_is_no_module_is_refused_by_its_id(agent: Any):
    for rubbish in (3, None, agent.encoder, type(agent)):
        with pytest.raises(ConfigError, match="Module 'blue' must be a single-agent RLModule, got a"):
            _filled({"red": agent, "blue": rubbish})()
        with pytest.raises(ConfigError, match="Module 'blue' must be a single-agent RLModule, got a"):
            _filled({"blue": rubbish})()


def test_an_illegal_id_is_refused(agent: Any):
    with pytest.raises(ConfigError, match="'a/b' is no legal module id"):
        _filled({"a/b": agent})()


def test_frameworks_are_not_mixed(agent: Any, module: Any, framework: str):
    with pytest.raises(ConfigError, match=f"module 'blue' is of 'numpy', the others are of '{framework}'"):
        _filled({"red": agent, "blue": module()})()


def test_any_mapping_will_do_and_can_be_added_to(agent: Any):
    container = _filled(MappingProxyType({"red": agent}))()
    container.add_module("blue", agent)
    assert list(container) == ["red", "blue"]
