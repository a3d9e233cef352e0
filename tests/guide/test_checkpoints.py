"""The guide's open end: saving modules, loading them, and starting from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_algorithms import PPOConfig, PPORLModule
from rlmodule_core import CheckpointError, Policy, RLModule, SingleAgentRLModuleSpec, StateError

ENV = gym.make("CartPole-v1")
OBS = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)


class MyModule(PPORLModule):
    """A user's module, found again because this file is imported."""


@pytest.fixture
def spec(user: ModuleType) -> SingleAgentRLModuleSpec:
    return SingleAgentRLModuleSpec(user.PPOModule, ENV.observation_space, ENV.action_space, {"fcnet_hiddens": [16]})


def _logits(module: Any) -> np.ndarray:
    outputs = module.forward_inference({"obs": module.backend.batch(None, OBS)})
    logits: np.ndarray = module.backend.to_numpy(outputs["action_dist_inputs"])
    return logits


def test_a_standard_module_is_saved_and_loaded(spec: SingleAgentRLModuleSpec, user: ModuleType, tmp_path: Path):
    module = spec.build()
    module.save_to_checkpoint(tmp_path)
    loaded = user.PPOModule.from_checkpoint(tmp_path)
    assert type(loaded) is user.PPOModule
    np.testing.assert_array_equal(_logits(loaded), _logits(module))
    # In the default framework, whichever wrote it.
    np.testing.assert_allclose(_logits(RLModule.from_checkpoint(tmp_path)), _logits(module), rtol=1e-5, atol=1e-5)


def test_a_module_of_the_user_s_own_is_saved_and_loaded(spec: SingleAgentRLModuleSpec, framework: str, tmp_path: Path):
    module = replace(spec, module_class=MyModule).build(framework=framework)
    module.save_to_checkpoint(tmp_path)
    for loaded in (type(module).from_checkpoint(tmp_path), RLModule.from_checkpoint(tmp_path)):
        assert type(loaded) is type(module)
        assert isinstance(loaded, MyModule)
        np.testing.assert_array_equal(_logits(loaded), _logits(module))


def test_a_spec_starts_from_a_checkpoint(spec: SingleAgentRLModuleSpec, tmp_path: Path):
    module = spec.build()
    module.save_to_checkpoint(tmp_path)
    np.testing.assert_array_equal(_logits(replace(spec, load_state_path=tmp_path).build()), _logits(module))
    assert not np.array_equal(_logits(spec.build()), _logits(module))


def test_an_algorithm_starts_from_a_checkpoint(
    config: PPOConfig, build: Any, tmp_path: Path, spec: SingleAgentRLModuleSpec
):
    spec = replace(spec, model_config_dict={"fcnet_hiddens": [16], "vf_share_layers": False})
    module = spec.build()
    module.save_to_checkpoint(tmp_path)
    algorithm = build(config.rl_module(rl_module_spec=replace(spec, load_state_path=tmp_path)))
    np.testing.assert_array_equal(_logits(algorithm.get_module()), _logits(module))


def test_weights_of_another_architecture_are_refused(spec: SingleAgentRLModuleSpec, tmp_path: Path):
    spec.build().save_to_checkpoint(tmp_path)
    wider = replace(spec, model_config_dict={"fcnet_hiddens": [32]}, load_state_path=tmp_path)
    with pytest.raises(StateError, match=r"(?s)encoder\.shared\.0\.weight expected \(32, 4\), got \(16, 4\)"):
        wider.build()


def test_a_checkpoint_that_is_not_there_is_named(spec: SingleAgentRLModuleSpec, tmp_path: Path):
    with pytest.raises(CheckpointError, match="nowhere"):
        replace(spec, load_state_path=tmp_path / "nowhere").build()


def test_an_algorithm_s_checkpoint_holds_its_module(config: PPOConfig, build: Any, tmp_path: Path):
    algorithm = build(config)
    algorithm.train()
    algorithm.save(tmp_path)
    loaded = type(algorithm.get_module()).from_checkpoint(tmp_path)
    np.testing.assert_array_equal(_logits(loaded), _logits(algorithm.get_module()))


def test_a_policy_serves_it_in_numpy(spec: SingleAgentRLModuleSpec, tmp_path: Path):
    module = spec.build()
    module.save_to_checkpoint(tmp_path)
    policy = Policy.from_checkpoint(tmp_path, framework="numpy")
    assert policy.module.framework == "numpy"
    np.testing.assert_array_equal(policy.compute_actions(OBS)[0], _logits(module).argmax(-1))
