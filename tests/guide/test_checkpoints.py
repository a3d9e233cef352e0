"""The guide's open end: saving modules, loading them, and starting from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlmodule_algorithms import PPOConfig, PPOTorchRLModule
from rlmodule_core import CheckpointError, Policy, RLModule, SingleAgentRLModuleSpec, StateError

ENV = gym.make("CartPole-v1")
OBS = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
SPEC = SingleAgentRLModuleSpec(PPOTorchRLModule, ENV.observation_space, ENV.action_space, {"fcnet_hiddens": [16]})


class MyModule(PPOTorchRLModule):
    """A user's module, found again because this file is imported."""


def _logits(module: Any) -> np.ndarray:
    return module.forward_inference({"obs": torch.from_numpy(OBS)})["action_dist_inputs"].numpy()


@pytest.mark.parametrize("cls", [PPOTorchRLModule, MyModule])
def test_a_module_is_saved_and_loaded(cls: type[RLModule], tmp_path: Path):
    module = replace(SPEC, module_class=cls).build()
    module.save_to_checkpoint(tmp_path)
    for loaded in (cls.from_checkpoint(tmp_path), RLModule.from_checkpoint(tmp_path)):
        assert type(loaded) is cls
        np.testing.assert_array_equal(_logits(loaded), _logits(module))


def test_a_spec_starts_from_a_checkpoint(tmp_path: Path):
    module = SPEC.build()
    module.save_to_checkpoint(tmp_path)
    np.testing.assert_array_equal(_logits(replace(SPEC, load_state_path=tmp_path).build()), _logits(module))
    assert not np.array_equal(_logits(SPEC.build()), _logits(module))


def test_an_algorithm_starts_from_a_checkpoint(config: PPOConfig, build: Any, tmp_path: Path):
    spec = replace(SPEC, model_config_dict={"fcnet_hiddens": [16], "vf_share_layers": False})
    module = spec.build()
    module.save_to_checkpoint(tmp_path)
    algorithm = build(config.rl_module(rl_module_spec=replace(spec, load_state_path=tmp_path)))
    np.testing.assert_array_equal(_logits(algorithm.get_module()), _logits(module))


def test_weights_of_another_architecture_are_refused(tmp_path: Path):
    SPEC.build().save_to_checkpoint(tmp_path)
    wider = replace(SPEC, model_config_dict={"fcnet_hiddens": [32]}, load_state_path=tmp_path)
    with pytest.raises(StateError, match=r"(?s)encoder\.shared\.0\.weight expected \(32, 4\), got \(16, 4\)"):
        wider.build()


def test_a_checkpoint_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(CheckpointError, match="nowhere"):
        replace(SPEC, load_state_path=tmp_path / "nowhere").build()


def test_an_algorithm_s_checkpoint_holds_its_module(config: PPOConfig, build: Any, tmp_path: Path):
    algorithm = build(config)
    algorithm.train()
    algorithm.save(tmp_path)
    np.testing.assert_array_equal(_logits(RLModule.from_checkpoint(tmp_path)), _logits(algorithm.get_module()))


def test_a_policy_serves_it_in_numpy(tmp_path: Path):
    module = SPEC.build()
    module.save_to_checkpoint(tmp_path)
    policy = Policy.from_checkpoint(tmp_path, framework="numpy")
    assert policy.module.framework == "numpy"
    np.testing.assert_array_equal(policy.compute_actions(OBS)[0], _logits(module).argmax(-1))
