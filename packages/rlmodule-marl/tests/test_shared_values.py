"""What modules share can only have one value, wherever weights come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from agents import Agent, OneEncoder
from own_layers import KERNEL

from rlmodule_core import SingleAgentRLModuleSpec, StateError
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleConfig, MultiAgentRLModuleSpec

AGENT = SingleAgentRLModuleSpec(Agent, gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2), {})
SPECS = {"red": AGENT, "blue": AGENT}


@pytest.fixture
def sharing(framework: str) -> MultiAgentRLModule:
    return OneEncoder(MultiAgentRLModuleConfig(SPECS, framework))


@pytest.fixture
def separate(framework: str) -> MultiAgentRLModule:
    return MultiAgentRLModule(MultiAgentRLModuleConfig(SPECS, framework))


def _require_same(one: Any, other: Any) -> None:
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_a_state_that_agrees_goes_in(sharing: MultiAgentRLModule):
    other = OneEncoder(sharing.config)
    other.set_state(sharing.get_state())
    for module_id in other:
        _require_same(other[module_id].get_state(), sharing[module_id].get_state())


def test_a_state_of_two_minds_changes_nothing(
    sharing: MultiAgentRLModule, separate: MultiAgentRLModule, framework: str
):
    before, leaf = sharing.get_state(), KERNEL[framework]
    with pytest.raises(
        StateError, match=rf"(?s)different values.*blue\.encoder\.{leaf} and red\.encoder\.{leaf} are one"
    ):
        sharing.set_state(separate.get_state())
    for module_id, state in sharing.get_state().items():
        _require_same(state, before[module_id])


def test_not_a_number_agrees_with_itself(sharing: MultiAgentRLModule, framework: str):
    state = {key: {name: array * np.nan for name, array in s.items()} for key, s in sharing.get_state().items()}
    sharing.set_state(state)
    assert np.isnan(sharing["blue"].get_state()[f"encoder.{KERNEL[framework]}"]).all()


def test_one_module_under_two_ids_has_one_state(separate: MultiAgentRLModule):
    container = MultiAgentRLModule()
    for module_id in ("red", "blue"):
        container.add_module(module_id, separate["red"])
    with pytest.raises(StateError, match="'blue' and 'red' are one module"):
        container.set_state({"red": separate["red"].get_state(), "blue": separate["blue"].get_state()})
    container.set_state(dict.fromkeys(("red", "blue"), separate["blue"].get_state()))
    _require_same(container["red"].get_state(), separate["blue"].get_state())


def test_shared_weights_go_into_modules_that_do_not_share(
    sharing: MultiAgentRLModule, separate: MultiAgentRLModule, tmp_path: Path
):
    sharing.save_to_checkpoint(tmp_path)
    separate.load_state(tmp_path)
    for module_id in separate:
        _require_same(separate[module_id].get_state(), sharing[module_id].get_state())
    assert separate["red"].encoder is not separate["blue"].encoder


def test_weights_that_are_not_shared_do_not_go_into_modules_that_share(
    sharing: MultiAgentRLModule, separate: MultiAgentRLModule, tmp_path: Path, framework: str
):
    separate.save_to_checkpoint(tmp_path)
    spec, leaf = MultiAgentRLModuleSpec(OneEncoder, SPECS, load_state_path=tmp_path), KERNEL[framework]
    for load in (lambda: spec.build(framework=framework), lambda: sharing.load_state(tmp_path)):
        with pytest.raises(StateError, match=rf"(?s)cannot be loaded.*blue\.encoder\.{leaf} and red\.encoder\.{leaf}"):
            load()
    built = replace(spec, modules_to_load={"blue"}).build(framework=framework)
    _require_same(built["blue"].get_state(), separate["blue"].get_state())
    assert built["blue"].encoder is built["red"].encoder


def test_a_module_s_own_checkpoint_wins_where_modules_share(
    sharing: MultiAgentRLModule, separate: MultiAgentRLModule, tmp_path: Path, framework: str
):
    sharing.save_to_checkpoint(tmp_path / "both")
    separate["red"].save_to_checkpoint(tmp_path / "red")
    specs = {**SPECS, "red": replace(AGENT, load_state_path=tmp_path / "red")}
    spec = MultiAgentRLModuleSpec(OneEncoder, specs, load_state_path=tmp_path / "both")
    built = spec.build(framework=framework)
    _require_same(built["red"].get_state(), separate["red"].get_state())
    assert built["blue"].encoder is built["red"].encoder
    head = f"head.{KERNEL[framework]}"
    np.testing.assert_array_equal(built["blue"].get_state()[head], sharing["blue"].get_state()[head])


def test_own_checkpoints_of_two_minds_are_refused(separate: MultiAgentRLModule, tmp_path: Path, framework: str):
    specs = {}
    for module_id, module in separate.items():
        specs[module_id] = replace(AGENT, load_state_path=module.save_to_checkpoint(tmp_path / module_id))
    leaf = KERNEL[framework]
    with pytest.raises(StateError, match=rf"(?s)own spec.*blue\.encoder\.{leaf} and red\.encoder\.{leaf} are one"):
        MultiAgentRLModuleSpec(OneEncoder, specs).build(framework=framework)
