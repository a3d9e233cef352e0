from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest

from rlmodule_core import ActorCriticRLModule, ConfigError, SingleAgentRLModuleSpec
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleConfig, MultiAgentRLModuleSpec


def test_a_dict_of_specs_builds_a_container(spec: Any, linear: Any):
    container = MultiAgentRLModuleSpec(module_specs={"red": spec(2), "blue": spec(3)}).build()
    assert type(container) is MultiAgentRLModule
    assert {module_id: type(module) for module_id, module in container.items()} == {"red": linear, "blue": linear}
    assert container["blue"].config.action_space == gym.spaces.Discrete(3)


def test_one_module_can_be_built_alone(spec: Any, linear: Any):
    module = MultiAgentRLModuleSpec(module_specs={"red": spec(2), "blue": spec(3)}).build("blue")
    assert type(module) is linear
    assert module.config.action_space.n == 3


def test_a_module_without_a_spec_is_named(spec: Any):
    with pytest.raises(ConfigError, match=r"no spec for module 'rot' \(there are: red\)"):
        MultiAgentRLModuleSpec(module_specs={"red": spec()}).build("rot")


def test_one_spec_for_all_needs_the_ids(spec: Any):
    whole = MultiAgentRLModuleSpec(module_specs=spec())
    for build in (whole.build, whole.get_marl_config, lambda: whole.add_modules({"red": spec()})):
        with pytest.raises(ConfigError, match="one spec for all ids, but no ids are known here"):
            build()


@pytest.mark.parametrize("wrong", [None, 3, [], "red", SingleAgentRLModuleSpec])
def test_anything_else_is_refused_at_once(wrong: Any):
    with pytest.raises(ConfigError, match="must be a dict of SingleAgentRLModuleSpecs by module id, or one"):
        MultiAgentRLModuleSpec(module_specs=wrong)


def test_a_value_that_is_no_spec_is_named_by_its_id(spec: Any, linear: Any):
    with pytest.raises(ConfigError, match=r"spec of module 'blue' must be a SingleAgentRLModuleSpec, got <class"):
        MultiAgentRLModuleSpec(module_specs={"red": spec(), "blue": linear}).build()


def test_an_illegal_id_is_refused_when_it_is_built(spec: Any):
    with pytest.raises(ConfigError, match="'a/b' is no legal module id"):
        MultiAgentRLModuleSpec(module_specs={"a/b": spec()}).build()


def test_a_missing_field_of_one_spec_is_named():
    with pytest.raises(ConfigError, match=r"module_class must be set before build\(\)"):
        MultiAgentRLModuleSpec(module_specs={"red": SingleAgentRLModuleSpec()}).build()


def test_the_container_s_class_can_be_chosen(spec: Any):
    class Mine(MultiAgentRLModule):
        pass

    assert type(MultiAgentRLModuleSpec(Mine, {"red": spec()}).build()) is Mine


def test_neutral_classes_are_built_in_the_framework_that_is_asked_for(spec: Any):
    neutral = SingleAgentRLModuleSpec(ActorCriticRLModule, gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2), {})
    pytest.importorskip("rlmodule_catalogs")
    assert MultiAgentRLModuleSpec(module_specs={"red": neutral}).build(framework="numpy").framework == "numpy"
    assert MultiAgentRLModuleSpec(module_specs={"red": neutral}).build("red", framework="numpy").framework == "numpy"


def test_more_modules_make_another_spec(spec: Any):
    small = MultiAgentRLModuleSpec(module_specs={"red": spec(2)})
    large = small.add_modules({"blue": spec(3)})
    assert list(small.module_specs) == ["red"]
    assert large == MultiAgentRLModuleSpec(module_specs={"red": spec(2), "blue": spec(3)})


def test_a_spec_that_is_there_is_replaced_or_updated(spec: Any):
    base = MultiAgentRLModuleSpec(module_specs={"red": spec(2, width=8)})
    patch = {"red": SingleAgentRLModuleSpec(action_space=gym.spaces.Discrete(5))}
    assert base.add_modules(patch).module_specs["red"] == patch["red"]
    assert base.add_modules(patch, overwrite=False).module_specs["red"] == spec(5, width=8)


def test_the_spec_of_a_container_builds_its_like(container: MultiAgentRLModule, spec: Any):
    made = MultiAgentRLModuleSpec.from_module(container)
    assert made == MultiAgentRLModuleSpec(module_specs={"red": spec(2), "blue": spec(3)})
    assert {module_id: module.get_state().keys() for module_id, module in made.build().items()} == {
        module_id: module.get_state().keys() for module_id, module in container.items()
    }


def test_the_spec_follows_what_was_added_and_removed(container: MultiAgentRLModule, module: Any):
    container.remove_module("red")
    container.add_module("green", module(7))
    specs = MultiAgentRLModuleSpec.from_module(container).module_specs
    assert {module_id: one.action_space.n for module_id, one in specs.items()} == {"blue": 3, "green": 7}


def test_a_config_survives_json(spec: Any):
    config = MultiAgentRLModuleConfig({"red": spec(2, width=8), "blue": spec(3)}, framework="numpy")
    assert MultiAgentRLModuleConfig.from_dict(config.to_dict()) == config
