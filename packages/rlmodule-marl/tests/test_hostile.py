"""Whatever comes in wrong: one of our errors, with what came, where, and the next step; and nothing has changed."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from own_layers import base

from rlmodule_core import ConfigError, RLModuleError, SingleAgentRLModuleSpec, SpecCheckingError, StateError
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleConfig, MultiAgentRLModuleSpec

RUBBISH = [None, 3, "red", b"red", [], {}, object(), float("nan"), dict, {"red": 3}, {3: {}}, [["red"]], ("a/b",)]
NOT_TEXT = [None, 3, b"red", ["red"], ("red",), {}, {"red"}, np.int64(3), object]


def _spec(**fields: Any) -> MultiAgentRLModuleSpec:
    return MultiAgentRLModuleSpec(module_specs={"red": SingleAgentRLModuleSpec()}, **fields)


@pytest.mark.parametrize("wrong", [None, 3, "MultiAgentRLModule", dict, MultiAgentRLModule(), {"red": None}])
def test_the_container_class_must_be_one(wrong: Any):
    with pytest.raises(ConfigError, match=r"marl_module_class must be a subclass of MultiAgentRLModule, got .* as mod"):
        MultiAgentRLModuleSpec(wrong, {"red": SingleAgentRLModuleSpec()})


@pytest.mark.parametrize("wrong", [None, 3, "red", [], SingleAgentRLModuleSpec])
def test_specs_must_be_a_dict_or_one(wrong: Any):
    with pytest.raises(ConfigError, match=r"module_specs must be a dict .*, got .* Pass \{'red'"):
        MultiAgentRLModuleSpec(module_specs=wrong)


@pytest.mark.parametrize("wrong", [None, 3, "red", {}, SingleAgentRLModuleSpec, MultiAgentRLModule()])
def test_a_value_that_is_no_spec_is_named_at_once(wrong: Any):
    made = (
        lambda specs: MultiAgentRLModuleSpec(module_specs=specs),
        lambda specs: MultiAgentRLModuleConfig(specs),
        lambda specs: _spec().add_modules(specs),
    )
    for make in made:
        with pytest.raises(ConfigError, match=r"the spec of module 'blue' must be a SingleAgentRLModuleSpec, got"):
            make({"red": SingleAgentRLModuleSpec(), "blue": wrong})


@pytest.mark.parametrize("wrong", [None, 3, "red", [], [SingleAgentRLModuleSpec()], SingleAgentRLModuleSpec()])
def test_more_specs_come_by_id(wrong: Any):
    for make in (_spec().add_modules, MultiAgentRLModuleConfig):
        with pytest.raises(ConfigError, match="must be a dict of SingleAgentRLModuleSpecs by module id, got"):
            make(wrong)


@pytest.mark.parametrize("wrong", ["", "a/b", "end.", 3, None, ("red",)])
def test_illegal_ids_are_refused_wherever_they_come_in(container: MultiAgentRLModule, module: Any, wrong: Any):
    for take in (
        lambda: MultiAgentRLModuleSpec(module_specs={wrong: SingleAgentRLModuleSpec()}),
        lambda: MultiAgentRLModuleConfig({wrong: SingleAgentRLModuleSpec()}),
        lambda: _spec(modules_to_load=[wrong]),
        lambda: MultiAgentRLModuleSpec(module_specs=SingleAgentRLModuleSpec()).for_modules([wrong]),
        lambda: container.add_module(wrong, module()),
        lambda: container.get_state([wrong]),
    ):
        with pytest.raises(ConfigError, match=r"is no legal module id: .* Rename the module"):
            take()


@pytest.mark.parametrize("wrong", ["red", b"red", 3, object(), iter(["red"])])
def test_ids_come_in_a_collection(container: MultiAgentRLModule, wrong: Any):
    for take in (
        lambda: _spec(modules_to_load=wrong),
        lambda: _spec().for_modules(wrong),
        lambda: container.get_state(wrong),
        lambda: container.load_state("nowhere", modules_to_load=wrong),
    ):
        with pytest.raises(ConfigError, match=r"must be a collection of module ids, got .* Pass \['red'"):
            take()


def test_there_is_nothing_to_build_without_specs():
    for build in (
        MultiAgentRLModuleSpec(module_specs={}).build,
        lambda: MultiAgentRLModuleSpec(module_specs={}).build("red"),
    ):
        with pytest.raises(ConfigError, match=r"module_specs is empty.* add_modules\(\)"):
            build()


def test_frameworks_are_not_mixed_by_specs(spec: Any, framework: str):
    class Foreign(base(framework)):  # type: ignore[misc]
        def _forward_train(self, batch: Any) -> Any:
            return batch

        _forward_exploration = _forward_inference = _forward_train

    foreign = SingleAgentRLModuleSpec(Foreign, gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2), {})
    mixed = MultiAgentRLModuleSpec(module_specs={"red": spec(), "blue": foreign})
    with pytest.raises(
        ConfigError, match=rf"share one framework: module 'blue' is of '{framework}', the others are of 'numpy'"
    ):
        mixed.build()
    with pytest.raises(ConfigError, match=f"'{framework}'"):
        mixed.build(framework="numpy")
    assert mixed.build("blue").framework == framework


@pytest.mark.parametrize("wrong", [3, "numpi", ["numpy"], object()])
def test_a_framework_is_the_name_of_one(spec: Any, wrong: Any):
    with pytest.raises(RLModuleError):
        MultiAgentRLModuleSpec(module_specs={"red": spec()}).build(framework=wrong)


@pytest.mark.parametrize("wrong", [3, "red", {}, {"red": SingleAgentRLModuleSpec()}, MultiAgentRLModuleConfig])
def test_a_container_is_constructed_from_a_config(wrong: Any):
    with pytest.raises(ConfigError, match=r"constructed from a MultiAgentRLModuleConfig or None, got .* Pass"):
        MultiAgentRLModule(wrong)


@pytest.mark.parametrize("wrong", [None, 3, "red", {}, MultiAgentRLModule])
def test_a_spec_is_made_from_a_container(wrong: Any, module: Any):
    for thing in (wrong, module()):
        with pytest.raises(ConfigError, match=r"from_module\(\) takes a MultiAgentRLModule, got a .*as_multi_agent"):
            MultiAgentRLModuleSpec.from_module(thing)


@pytest.mark.parametrize("wrong", NOT_TEXT)
def test_what_is_no_id_is_not_there(container: MultiAgentRLModule, module: Any, wrong: Any):
    assert wrong not in container
    container.remove_module(wrong, raise_err_if_not_found=False)
    for take in (
        lambda: container[wrong],
        lambda: container.remove_module(wrong),
        lambda: container.add_module(wrong, module(), override=True),
        lambda: MultiAgentRLModuleSpec(module_specs={"red": SingleAgentRLModuleSpec()}).build([wrong]),
    ):
        with pytest.raises(RLModuleError):
            take()
    assert list(container) == ["red", "blue"]


@pytest.mark.parametrize("wrong", [wrong for wrong in RUBBISH if wrong != {}])
def test_a_state_is_weights_by_id_and_name(container: MultiAgentRLModule, wrong: Any):
    before = container.get_state()
    with pytest.raises(RLModuleError):
        container.set_state(wrong)
    shifted = {name: array + 1.0 for name, array in before["red"].items()}
    with pytest.raises(StateError, match=r"(?s)'blue'"):
        container.set_state({"red": shifted, "blue": wrong})
    for module_id, state in container.get_state().items():
        for name, array in state.items():
            np.testing.assert_array_equal(array, before[module_id][name])


@pytest.mark.parametrize("wrong", [np.array(["a", "b", "c"]), np.array([{}, {}, {}])])
def test_arrays_of_no_numbers_change_nothing_whoever_notices(container: MultiAgentRLModule, wrong: Any):
    before = container.get_state()
    shifted = {name: array + 1.0 for name, array in before["red"].items()}
    with pytest.raises((RLModuleError, TypeError, ValueError)):
        container.set_state({"red": shifted, "blue": {**before["blue"], "net.bias": wrong}})
    for module_id, state in container.get_state().items():
        for name, array in state.items():
            np.testing.assert_array_equal(array, before[module_id][name])


@pytest.mark.parametrize("wrong", [None, 3, "red", [], np.zeros((5, 4), np.float32)])
def test_a_batch_is_columns_by_id(container: MultiAgentRLModule, wrong: Any):
    for forward in (container.forward_train, container.forward_exploration, container.forward_inference):
        with pytest.raises(SpecCheckingError, match=r"batch is a dict of columns by module id, got a .* Pass"):
            forward(wrong)
        with pytest.raises(SpecCheckingError):
            forward({"red": wrong})
