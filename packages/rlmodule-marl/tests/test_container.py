from __future__ import annotations

from typing import Any

import pytest
from own_layers import base

from rlmodule_core import DEFAULT_MODULE_ID, ConfigError, RLModuleError, UnknownIdError
from rlmodule_marl import MultiAgentRLModule


def test_it_is_read_as_a_dict_is(container: MultiAgentRLModule):
    red, blue = container["red"], container["blue"]
    assert list(container) == list(container.keys()) == ["red", "blue"]
    assert list(container.values()) == [red, blue]
    assert list(container.items()) == [("red", red), ("blue", blue)]
    assert len(container) == 2
    assert "red" in container
    assert "green" not in container
    assert container.get("blue", None) is blue
    assert container.get("green", 3) == 3


def test_a_function_is_called_for_each_module(container: MultiAgentRLModule):
    seen = container.foreach_module(lambda module_id, module: (module_id, module))
    assert seen == {module_id: (module_id, module) for module_id, module in container.items()}


def test_it_prints_its_modules(container: MultiAgentRLModule):
    assert repr(container) == "MultiAgentRLModule({'red': Linear, 'blue': Linear})"


@pytest.mark.parametrize("look", [lambda c: c["blu"], lambda c: c.remove_module("blu"), lambda c: c.get_state(["blu"])])
def test_an_unknown_id_is_named_with_the_nearest(container: MultiAgentRLModule, look: Any):
    with pytest.raises(
        UnknownIdError, match=r"There is no module 'blu' \(there are: red, blue\)\. Did you mean 'blue'\?"
    ):
        look(container)


@pytest.mark.parametrize("key", [3, None, ["red"], ("red", "blue")])
def test_a_key_that_is_no_id_is_unknown_too(container: MultiAgentRLModule, key: Any):
    with pytest.raises(UnknownIdError, match="there are: red, blue"):
        container[key]


def test_an_unknown_id_is_a_key_error_for_those_who_expect_one(container: MultiAgentRLModule):
    with pytest.raises(KeyError):
        container["green"]


def test_a_module_is_added_as_it_is(container: MultiAgentRLModule, module: Any):
    green = module()
    container.add_module("green", green)
    assert container["green"] is green


def test_an_id_is_taken_only_once(container: MultiAgentRLModule, module: Any):
    red = container["red"]
    with pytest.raises(ConfigError, match=r"already a module 'red'\. Pass override=True"):
        container.add_module("red", module())
    assert container["red"] is red


def test_override_replaces_a_module_in_its_place(container: MultiAgentRLModule, module: Any):
    other = module()
    container.add_module("red", other, override=True)
    assert container["red"] is other
    assert list(container) == ["red", "blue"]


def test_a_removed_module_is_gone(container: MultiAgentRLModule):
    container.remove_module("red")
    assert list(container) == ["blue"]


def test_removing_what_is_not_there_may_be_silent(container: MultiAgentRLModule):
    container.remove_module("green", raise_err_if_not_found=False)
    with pytest.raises(UnknownIdError, match="'green'"):
        container.remove_module("green")
    assert list(container) == ["red", "blue"]


@pytest.mark.parametrize("module_id", ["", "a/b", "a\\b", "a:b", "a|b", "a<b", 'a"b', "what?", "end.", "end ", 3, None])
def test_an_illegal_id_is_refused(container: MultiAgentRLModule, module: Any, module_id: Any):
    with pytest.raises(ConfigError, match="is no legal module id: it must be a non-empty text without any of"):
        container.add_module(module_id, module())
    assert list(container) == ["red", "blue"]


@pytest.mark.parametrize("module_id", ["agent_0", "a.b", "Läufer", "a b", "default_policy"])
def test_other_ids_are_legal(container: MultiAgentRLModule, module: Any, module_id: str):
    container.add_module(module_id, module())
    assert module_id in container


def test_only_single_agent_modules_go_in(container: MultiAgentRLModule, linear: Any):
    for rubbish in (3, None, linear, MultiAgentRLModule()):
        with pytest.raises(ConfigError, match=r"Module 'green' must be a single-agent RLModule, got a"):
            container.add_module("green", rubbish)


def test_frameworks_are_not_mixed(container: MultiAgentRLModule, framework: str):
    class Foreign(base(framework)):  # type: ignore[misc]
        def _forward_train(self, batch: Any) -> Any:
            return batch

        _forward_exploration = _forward_inference = _forward_train

    with pytest.raises(ConfigError, match=rf"share one framework: module 'green' is of '{framework}'.* of 'numpy'"):
        container.add_module("green", Foreign())
    assert container.framework == "numpy"


def test_an_empty_container_waits_for_modules(module: Any):
    container = MultiAgentRLModule()
    assert len(container) == 0
    assert container.framework is None
    with pytest.raises(RLModuleError, match=r"there are: none\).*add_module"):
        container["red"]
    container.add_module("red", module())
    assert container.framework == "numpy"


def test_a_module_as_multi_agent_is_the_same_instance(module: Any):
    one = module()
    container = one.as_multi_agent()
    assert type(container) is MultiAgentRLModule
    assert list(container) == [DEFAULT_MODULE_ID]
    assert container[DEFAULT_MODULE_ID] is one


def test_a_container_is_its_own_multi_agent_form(container: MultiAgentRLModule):
    assert container.as_multi_agent() is container
    assert container.unwrapped() is container
