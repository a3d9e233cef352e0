"""What modules share is stored once, and shared again after loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from torch_agents import Agent, Bare, OneEncoder

from rlmodule_core import CheckpointError, RLModule, RLModuleConfig, SingleAgentRLModuleSpec
from rlmodule_core.checkpoint import read_checkpoint
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleConfig

torch = pytest.importorskip("torch")


class OneEncoderForBare(MultiAgentRLModule):
    """One encoder, made by the container, for agents without a config."""

    def setup(self) -> None:
        encoder = torch.nn.Linear(4, 8)
        for module_id, spec in self.config.modules.items():
            self._rl_modules[module_id] = Bare(encoder, spec.model_config_dict["actions"])


SPECS = {
    # The dot of an id must not be taken for the one behind it.
    module_id: SingleAgentRLModuleSpec(
        Agent, gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(actions), {"actions": actions}
    )
    for module_id, actions in {"a.red": 2, "blue": 3}.items()
}
SHARED = {
    "blue.encoder.weight": "a%2Ered.encoder.weight",
    "blue.encoder.bias": "a%2Ered.encoder.bias",
}


@pytest.fixture(params=[OneEncoder, OneEncoderForBare])
def sharing(request: Any) -> MultiAgentRLModule:
    container: MultiAgentRLModule = request.param(MultiAgentRLModuleConfig(SPECS))
    return container


def _states_are_equal(one: RLModule, other: RLModule) -> bool:
    mine, yours = one.get_state(), other.get_state()
    return mine.keys() == yours.keys() and all(np.array_equal(mine[name], yours[name]) for name in mine)


def test_each_shared_tensor_is_stored_once(sharing: MultiAgentRLModule, tmp_path: Path):
    sharing.save_to_checkpoint(tmp_path)
    stored = read_checkpoint(tmp_path)
    assert stored.document["rl_module"]["shared"] == SHARED
    names = {name: sorted(stored.payload(name)) for name in stored.payload_names}
    assert names == {
        "rl_module.a.red": ["encoder.bias", "encoder.weight", "head.bias", "head.weight"],
        "rl_module.blue": ["head.bias", "head.weight"],
    }


def test_the_tensors_are_the_same_objects_after_loading(sharing: MultiAgentRLModule, tmp_path: Path):
    sharing.save_to_checkpoint(tmp_path)
    for cls in (type(sharing), MultiAgentRLModule):
        loaded = cls.from_checkpoint(tmp_path)
        assert type(loaded) is type(sharing)
        assert loaded["blue"].encoder.weight is loaded["a.red"].encoder.weight
        assert loaded["blue"].head.weight is not loaded["a.red"].head.weight
        assert all(_states_are_equal(loaded[module_id], sharing[module_id]) for module_id in sharing)


def test_a_module_with_a_config_loads_alone_with_the_weights_that_it_shared(tmp_path: Path):
    container = OneEncoder(MultiAgentRLModuleConfig(SPECS))
    container.save_to_checkpoint(tmp_path)
    assert _states_are_equal(RLModule.from_checkpoint(tmp_path, module_id="blue"), container["blue"])


def test_a_module_without_a_config_loads_through_its_container(tmp_path: Path):
    OneEncoderForBare(MultiAgentRLModuleConfig(SPECS)).save_to_checkpoint(tmp_path)
    with pytest.raises(
        CheckpointError, match=r"'blue' .* no config of its own.* from_checkpoint of .*OneEncoderForBare"
    ):
        RLModule.from_checkpoint(tmp_path, module_id="blue")


def test_a_container_that_does_not_share_any_more_is_refused(tmp_path: Path):
    container = MultiAgentRLModule(MultiAgentRLModuleConfig(SPECS))
    container["blue"].encoder = container["a.red"].encoder
    container.save_to_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"blue\.encoder\.weight and a%2Ered\.encoder\.weight were one tensor"):
        MultiAgentRLModule.from_checkpoint(tmp_path)
    loaded = OneEncoder.from_checkpoint(tmp_path, config=container.config)
    assert _states_are_equal(loaded["blue"], container["blue"])


def test_a_container_that_shares_only_after_loading_is_refused(tmp_path: Path):
    container = MultiAgentRLModule(MultiAgentRLModuleConfig(SPECS))
    container.save_to_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"blue\.encoder\.weight .* were two tensors, and are one now"):
        OneEncoder.from_checkpoint(tmp_path, config=container.config)


def test_a_module_of_another_shape_is_refused_with_its_id(sharing: MultiAgentRLModule, tmp_path: Path):
    sharing.save_to_checkpoint(tmp_path)
    other = {
        module_id: spec.update(
            SingleAgentRLModuleSpec(action_space=gym.spaces.Discrete(5), model_config_dict={"actions": 5})
        )
        for module_id, spec in SPECS.items()
    }
    with pytest.raises(CheckpointError, match=r"(?s)builds other modules.*Module 'a\.red'.*head\.weight"):
        type(sharing).from_checkpoint(tmp_path, config=MultiAgentRLModuleConfig(other))


def test_modules_alone_still_have_their_own_configs(tmp_path: Path):
    container = OneEncoder(MultiAgentRLModuleConfig(SPECS))
    container.save_to_checkpoint(tmp_path)
    loaded = RLModule.from_checkpoint(tmp_path, module_id="blue")
    spaces = SPECS["blue"].observation_space, SPECS["blue"].action_space
    assert loaded.config == RLModuleConfig(*spaces, {"actions": 3})
