from __future__ import annotations

import json
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import (
    ActorCriticRLModule,
    CheckpointError,
    ConfigError,
    RLModule,
    RLModuleConfig,
    SingleAgentRLModuleSpec,
    StateError,
)
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule, NumpyRLModule
from rlmodule_core.plans import Dense


class Linear(NumpyRLModule):
    """Found again by name, because this module is imported."""

    def setup(self) -> None:
        self.net = self.backend.lower(Dense(self.config.observation_space.shape[0], self.config.action_space.n))

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"])}

    _forward_exploration = _forward_inference = _forward_train


class MyCatalog:
    """A catalog class of the user's own."""


_FULL = {
    "module_class": Linear,
    "observation_space": gym.spaces.Box(-1, 1, (4,)),
    "action_space": gym.spaces.Discrete(3),
    "model_config_dict": {"any": "key"},
}


def _spec(**changes: Any) -> SingleAgentRLModuleSpec:
    return SingleAgentRLModuleSpec(**{**_FULL, **changes})


def test_build_gives_the_module_its_config():
    module = _spec(catalog_class=MyCatalog).build()
    assert type(module) is Linear
    assert module.config == RLModuleConfig(*list(_FULL.values())[1:], MyCatalog)


@pytest.mark.parametrize("field", _FULL)
def test_a_missing_field_is_named_with_what_to_pass(field: str):
    with pytest.raises(ConfigError) as caught:
        _spec(**{field: None}).build()
    text = str(caught.value)
    assert f"SingleAgentRLModuleSpec.{field}" in text
    assert "got None" in text
    assert "Pass " in text


def test_empty_settings_are_settings():
    assert _spec(model_config_dict={}).build().config.model_config_dict == {}


@pytest.mark.parametrize("wrong", [dict, "Linear", MyCatalog])
def test_the_class_must_be_a_module_class(wrong: Any):
    with pytest.raises(ConfigError, match=r"module_class must be an RLModule class, got .*"):
        _spec(module_class=wrong).build()


def test_a_neutral_class_needs_a_framework():
    with pytest.raises(ConfigError, match=r"names no framework.*framework='torch'"):
        _spec(module_class=ActorCriticRLModule).build()


def test_the_wrong_framework_is_refused():
    with pytest.raises(ConfigError, match="Linear is a numpy module, but framework 'torch'"):
        _spec().build(framework="torch")
    assert type(_spec().build(framework="numpy")) is Linear


def test_a_neutral_subclass_is_combined_with_the_framework_s_standard_class(discrete_config: RLModuleConfig):
    class Mine(ActorCriticRLModule):
        def setup(self) -> None:
            self.config = discrete_config
            super().setup()

    module = _spec(module_class=Mine).build(framework="numpy")
    assert isinstance(module, Mine)
    assert isinstance(module, NumpyActorCriticRLModule)
    assert type(module).__name__ == "Mine"
    assert type(module) is type(_spec(module_class=Mine).build(framework="numpy"))


def test_update_replaces_every_field_that_is_not_none():
    changed = _spec().update(SingleAgentRLModuleSpec(action_space=gym.spaces.Discrete(9), catalog_class="mine"))
    assert changed == _spec(action_space=gym.spaces.Discrete(9), catalog_class="mine")


def test_update_lets_an_empty_dict_replace_settings():
    assert _spec().update(SingleAgentRLModuleSpec(model_config_dict={})).model_config_dict == {}


def test_update_leaves_the_spec_itself_alone_and_takes_specs_only():
    spec = _spec()
    spec.update(SingleAgentRLModuleSpec(model_config_dict={}))
    assert spec == _spec()
    with pytest.raises(ConfigError, match=r"only be updated by a SingleAgentRLModuleSpec, got \{\}"):
        spec.update({})


def test_from_module_gives_the_spec_it_was_built_from():
    spec = _spec(catalog_class=MyCatalog)
    assert SingleAgentRLModuleSpec.from_module(spec.build()) == spec
    with pytest.raises(ConfigError, match="takes a single RLModule, got a dict"):
        SingleAgentRLModuleSpec.from_module({})


@pytest.mark.parametrize("catalog", [MyCatalog, "ppo", None])
def test_a_spec_comes_back_equal_from_strict_json(catalog: Any):
    spec = _spec(catalog_class=catalog, load_state_path="some/dir")
    text = json.dumps(spec.to_dict(), allow_nan=False)
    assert SingleAgentRLModuleSpec.from_dict(json.loads(text)) == spec


def test_an_empty_spec_comes_back_from_json():
    assert SingleAgentRLModuleSpec.from_dict(SingleAgentRLModuleSpec().to_dict()) == SingleAgentRLModuleSpec()


def test_a_spec_of_a_class_that_is_not_imported_is_refused():
    data = _spec().to_dict() | {"module_class": "nowhere.to.be.found:Linear"}
    with pytest.raises(CheckpointError, match=r"Import nowhere\.to\.be\.found first, or pass the class"):
        SingleAgentRLModuleSpec.from_dict(data)


def test_a_state_path_gives_the_first_weights(tmp_path: Any):
    saved = _spec().build()
    saved.save_to_checkpoint(tmp_path)
    loaded, fresh = _spec(load_state_path=tmp_path).build(), _spec().build()
    np.testing.assert_array_equal(loaded.get_state()["net.weight"], saved.get_state()["net.weight"])
    assert not np.array_equal(fresh.get_state()["net.weight"], saved.get_state()["net.weight"])


def test_a_state_path_that_does_not_fit_or_is_not_there_is_refused(tmp_path: Any):
    _spec().build().save_to_checkpoint(tmp_path / "there")
    with pytest.raises(StateError, match=r"mis-shaped: net\.weight expected \(5, 4\), got \(3, 4\)"):
        _spec(action_space=gym.spaces.Discrete(5), load_state_path=tmp_path / "there").build()
    with pytest.raises(CheckpointError, match="missing"):
        _spec(load_state_path=tmp_path / "missing").build()


def test_the_module_s_framework_is_that_of_its_base():
    assert RLModule.framework is None
    assert Linear.framework == "numpy"
