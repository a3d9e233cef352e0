"""What modules share is stored once, and shared again after loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from agents import Agent, OneEncoder, bare
from own_layers import KERNEL, built_dense

from rlmodule_core import CheckpointError, RLModule, RLModuleConfig, SingleAgentRLModuleSpec
from rlmodule_core.checkpoint import read_checkpoint
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleConfig


class OneEncoderForBare(MultiAgentRLModule):
    """One encoder, made by the container, for agents without a config."""

    def setup(self) -> None:
        here: Any = self.config.framework
        encoder = built_dense(here, 4, 8)
        for module_id, spec in self.config.modules.items():
            self._rl_modules[module_id] = bare(here)(encoder, spec.model_config_dict["actions"])


SPECS = {
    # The dot of an id must not be taken for the one behind it.
    module_id: SingleAgentRLModuleSpec(
        Agent, gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(actions), {"actions": actions}
    )
    for module_id, actions in {"a.red": 2, "blue": 3}.items()
}


@pytest.fixture
def config(framework: str) -> MultiAgentRLModuleConfig:
    return MultiAgentRLModuleConfig(SPECS, framework)


@pytest.fixture(params=[OneEncoder, OneEncoderForBare])
def sharing(request: Any, config: MultiAgentRLModuleConfig) -> MultiAgentRLModule:
    container: MultiAgentRLModule = request.param(config)
    return container


def _states_are_equal(one: RLModule, other: RLModule) -> bool:
    mine, yours = one.get_state(), other.get_state()
    return mine.keys() == yours.keys() and all(np.array_equal(mine[name], yours[name]) for name in mine)


def test_each_shared_tensor_is_stored_once(sharing: MultiAgentRLModule, tmp_path: Path, framework: str):
    sharing.save_to_checkpoint(tmp_path)
    stored, leaves = read_checkpoint(tmp_path), ("bias", KERNEL[framework])
    shared = {f"blue.encoder.{leaf}": f"a%2Ered.encoder.{leaf}" for leaf in leaves}
    assert stored.document["rl_module"]["shared"] == shared
    names = {name: sorted(stored.payload(name)) for name in stored.payload_names}
    assert names == {
        "rl_module.a.red": [f"{layer}.{leaf}" for layer in ("encoder", "head") for leaf in leaves],
        "rl_module.blue": [f"head.{leaf}" for leaf in leaves],
    }


def test_the_tensors_are_the_same_objects_after_loading(sharing: MultiAgentRLModule, tmp_path: Path):
    sharing.save_to_checkpoint(tmp_path)
    for cls in (type(sharing), MultiAgentRLModule):
        loaded = cls.from_checkpoint(tmp_path)
        assert type(loaded) is type(sharing)
        assert loaded["blue"].encoder is loaded["a.red"].encoder
        assert loaded["blue"].head is not loaded["a.red"].head
        assert all(_states_are_equal(loaded[module_id], sharing[module_id]) for module_id in sharing)


def test_a_module_with_a_config_loads_alone_with_the_weights_that_it_shared(
    config: MultiAgentRLModuleConfig, tmp_path: Path
):
    container = OneEncoder(config)
    container.save_to_checkpoint(tmp_path)
    assert _states_are_equal(RLModule.from_checkpoint(tmp_path, module_id="blue"), container["blue"])


def test_a_module_without_a_config_loads_through_its_container(config: MultiAgentRLModuleConfig, tmp_path: Path):
    OneEncoderForBare(config).save_to_checkpoint(tmp_path)
    with pytest.raises(
        CheckpointError, match=r"'blue' .* no config of its own.* from_checkpoint of .*OneEncoderForBare"
    ):
        RLModule.from_checkpoint(tmp_path, module_id="blue")


def test_a_container_that_does_not_share_any_more_is_refused(
    config: MultiAgentRLModuleConfig, tmp_path: Path, framework: str
):
    container, leaf = MultiAgentRLModule(config), KERNEL[framework]
    container["blue"].encoder = container["a.red"].encoder
    container.save_to_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=rf"blue\.encoder\.{leaf} and a%2Ered\.encoder\.{leaf} were one tensor"):
        MultiAgentRLModule.from_checkpoint(tmp_path)
    loaded = OneEncoder.from_checkpoint(tmp_path, config=container.config)
    assert _states_are_equal(loaded["blue"], container["blue"])


def test_a_container_that_shares_only_after_loading_is_refused(
    config: MultiAgentRLModuleConfig, tmp_path: Path, framework: str
):
    container = MultiAgentRLModule(config)
    container.save_to_checkpoint(tmp_path)
    with pytest.raises(
        CheckpointError, match=rf"blue\.encoder\.{KERNEL[framework]} .* were two tensors, and are one now"
    ):
        OneEncoder.from_checkpoint(tmp_path, config=container.config)


def test_a_module_of_another_shape_is_refused_with_its_id(sharing: MultiAgentRLModule, tmp_path: Path, framework: str):
    sharing.save_to_checkpoint(tmp_path)
    other = {
        module_id: spec.update(
            SingleAgentRLModuleSpec(action_space=gym.spaces.Discrete(5), model_config_dict={"actions": 5})
        )
        for module_id, spec in SPECS.items()
    }
    with pytest.raises(CheckpointError, match=rf"(?s)builds other modules.*Module 'a\.red'.*head\.{KERNEL[framework]}"):
        type(sharing).from_checkpoint(tmp_path, config=MultiAgentRLModuleConfig(other, framework))


def test_modules_alone_still_have_their_own_configs(config: MultiAgentRLModuleConfig, tmp_path: Path):
    container = OneEncoder(config)
    container.save_to_checkpoint(tmp_path)
    loaded = RLModule.from_checkpoint(tmp_path, module_id="blue")
    spaces = SPECS["blue"].observation_space, SPECS["blue"].action_space
    assert loaded.config == RLModuleConfig(*spaces, {"actions": 3})
