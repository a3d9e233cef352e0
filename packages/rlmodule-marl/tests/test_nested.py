"""A container inside the checkpoint of something larger, such as an algorithm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from agents import Agent, bare

from rlmodule_core import CheckpointError, Policy, RLModule, SingleAgentRLModuleSpec
from rlmodule_core.checkpoint import SECTION, describe_modules, write_checkpoint
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleConfig


class OneEncoder(MultiAgentRLModule):
    """One encoder for all agents; the scout is one that only this setup can construct."""

    def setup(self) -> None:
        super().setup()
        encoder = self._rl_modules["red"].encoder
        self._rl_modules["blue"].encoder = encoder
        self._rl_modules["scout"] = bare(self.config.framework)(encoder, 2)


SPECS = {
    module_id: SingleAgentRLModuleSpec(Agent, gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(actions), {})
    for module_id, actions in {"red": 2, "blue": 3}.items()
}
Save = Callable[[MultiAgentRLModule, Path], Any]


def _save_inside(container: MultiAgentRLModule, directory: Path) -> Path:
    """As an algorithm does: beside other sections and payloads."""
    section, payloads = describe_modules(dict(container.items()), container=container.container_entry())
    document = {"algorithm": {"name": "ppo"}, SECTION: section}
    more = {"learner.moments": {"red.head.weight": np.ones(3, np.float32)}}
    return write_checkpoint(directory, kind="algorithm", document=document, payloads={**payloads, **more})


@pytest.fixture(params=[MultiAgentRLModule.save_to_checkpoint, _save_inside], ids=["alone", "inside"])
def save(request: Any) -> Save:
    chosen: Save = request.param
    return chosen


@pytest.fixture
def config(framework: str) -> MultiAgentRLModuleConfig:
    return MultiAgentRLModuleConfig(SPECS, framework)


@pytest.fixture
def obs() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)


def _logits(module: RLModule, obs: np.ndarray) -> np.ndarray:
    outputs = module.forward_inference({"obs": module.backend.batch(None, obs)})
    logits: np.ndarray = module.backend.to_numpy(outputs["action_dist_inputs"])
    return logits


def test_the_container_loads_from_either(save: Save, tmp_path: Path, obs: np.ndarray, config: Any):
    container = OneEncoder(config)
    save(container, tmp_path)
    for cls in (OneEncoder, MultiAgentRLModule):
        loaded = cls.from_checkpoint(tmp_path)
        assert type(loaded) is OneEncoder
        assert list(loaded) == ["red", "blue", "scout"]
        assert len({id(module.encoder) for module in loaded.values()}) == 1
        for module_id, module in loaded.items():
            np.testing.assert_array_equal(_logits(module, obs), _logits(container[module_id], obs))


def test_a_plain_container_loads_from_either(save: Save, tmp_path: Path, obs: np.ndarray, config: Any):
    container = MultiAgentRLModule(config)
    save(container, tmp_path)
    loaded = MultiAgentRLModule.from_checkpoint(tmp_path)
    assert type(loaded) is MultiAgentRLModule
    for module_id, module in loaded.items():
        np.testing.assert_array_equal(_logits(module, obs), _logits(container[module_id], obs))


@pytest.mark.parametrize("module_id", ["red", "blue"])
def test_one_id_loads_and_serves_alone(save: Save, tmp_path: Path, obs: np.ndarray, module_id: str, config: Any):
    container = OneEncoder(config)
    save(container, tmp_path)
    expected = _logits(container[module_id], obs)
    np.testing.assert_array_equal(_logits(RLModule.from_checkpoint(tmp_path, module_id), obs), expected)
    np.testing.assert_array_equal(_logits(Agent.from_checkpoint(tmp_path, module_id=module_id), obs), expected)
    policy = Policy.from_checkpoint(tmp_path, module_id=module_id)
    np.testing.assert_array_equal(policy.compute_actions(obs)[0], expected.argmax(axis=-1))


def test_which_id_must_be_said(save: Save, tmp_path: Path, config: Any):
    save(OneEncoder(config), tmp_path)
    for load in (RLModule.from_checkpoint, Policy.from_checkpoint):
        with pytest.raises(CheckpointError, match=r"3 modules \(red, blue, scout\)\. Say which with module_id="):
            load(tmp_path)


def test_what_only_setup_can_construct_loads_through_its_container_alone(save: Save, tmp_path: Path, config: Any):
    save(OneEncoder(config), tmp_path)
    for load in (RLModule.from_checkpoint, Policy.from_checkpoint):
        with pytest.raises(CheckpointError, match=r"'scout' .* no config of its own: its container's.*OneEncoder"):
            load(tmp_path, module_id="scout")


def test_weights_of_single_ids_can_be_loaded_from_either(save: Save, tmp_path: Path, obs: np.ndarray, config: Any):
    container = OneEncoder(config)
    save(container, tmp_path)
    other = OneEncoder(config)
    other.load_state(tmp_path, modules_to_load={"scout"})
    np.testing.assert_array_equal(_logits(other["scout"], obs), _logits(container["scout"], obs))
    assert not np.array_equal(_logits(other["red"], obs), _logits(container["red"], obs))
