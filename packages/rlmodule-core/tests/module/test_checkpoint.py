from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmodule_core import CheckpointError, ConfigError, ModulePlans, Policy, RLModule, RLModuleConfig
from rlmodule_core.checkpoint import load_modules, read_checkpoint, read_weights, save_modules, write_checkpoint
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule, NumpyRLModule
from rlmodule_core.plans import Dense


class Own(NumpyRLModule):
    """A user's module: found again by name, because this test module is imported."""

    def setup(self) -> None:
        self.net = self.backend.lower(Dense(4, 3))

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"])}

    _forward_exploration = _forward_inference = _forward_train


def _entry(directory: Path, module_id: str = "default_policy") -> dict[str, Any]:
    return json.loads((directory / "rl_module.json").read_text())["rl_module"]["modules"][module_id]


@pytest.mark.parametrize("fixture", ["discrete_module", "gaussian_module"])
def test_a_standard_module_comes_back_bit_for_bit(request: Any, fixture: str, obs: np.ndarray, tmp_path: Path):
    module = request.getfixturevalue(fixture)
    assert module.save_to_checkpoint(tmp_path / "saved") == tmp_path / "saved"
    loaded = NumpyRLModule.from_checkpoint(tmp_path / "saved")
    assert type(loaded) is NumpyActorCriticRLModule
    assert loaded.config == module.config
    expected = module.forward_train({"obs": obs})
    for key, value in loaded.forward_train({"obs": obs}).items():
        assert value.tobytes() == expected[key].tobytes()
    for name, array in module.get_state().items():
        assert loaded.get_state()[name].tobytes() == array.tobytes()


def test_a_standard_class_is_not_recorded_by_name(discrete_module: Any, tmp_path: Path):
    discrete_module.save_to_checkpoint(tmp_path)
    entry = _entry(tmp_path)
    assert entry["class"] is None
    assert entry["architecture"] == "actor-critic"
    assert entry["non_portable_part"] is None
    assert list(tmp_path.glob("*.json")) == [tmp_path / "rl_module.json"]


def test_a_catalog_is_not_needed_where_plans_are_stored(discrete_config: RLModuleConfig, tmp_path: Path):
    config = RLModuleConfig(
        discrete_config.observation_space, discrete_config.action_space, {}, "of.nobody", discrete_config.plans
    )
    NumpyActorCriticRLModule(config).save_to_checkpoint(tmp_path)
    loaded = RLModule.from_checkpoint(tmp_path)
    assert loaded.config.plans == discrete_config.plans
    assert loaded.config.catalog_class == "of.nobody", "kept, but never looked up"


def test_a_user_s_class_is_found_where_it_is_imported(obs: np.ndarray, tmp_path: Path):
    module = Own()
    module.save_to_checkpoint(tmp_path)
    loaded = RLModule.from_checkpoint(tmp_path)
    assert type(loaded) is Own
    np.testing.assert_array_equal(
        loaded.forward_train({"obs": obs})["action_dist_inputs"],
        module.forward_train({"obs": obs})["action_dist_inputs"],
    )


def test_a_class_that_is_not_to_be_found_can_be_passed(tmp_path: Path):
    hidden = type("Hidden", (Own,), {"__qualname__": "Hidden"})
    hidden().save_to_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"Hidden.*pass the class as module_class="):
        RLModule.from_checkpoint(tmp_path)
    assert type(RLModule.from_checkpoint(tmp_path, module_class=hidden)) is hidden


def test_called_on_a_class_it_gives_that_class_or_an_error(discrete_module: Any, tmp_path: Path):
    discrete_module.save_to_checkpoint(tmp_path)
    assert type(NumpyActorCriticRLModule.from_checkpoint(tmp_path)) is NumpyActorCriticRLModule
    with pytest.raises(CheckpointError, match=r"is a NumpyActorCriticRLModule, not a Own.*RLModule\.from_checkpoint"):
        Own.from_checkpoint(tmp_path)


def test_one_of_several_modules_is_named_by_its_id(discrete_module: Any, gaussian_module: Any, tmp_path: Path):
    save_modules({"left": discrete_module, "right": gaussian_module}, tmp_path)
    assert RLModule.from_checkpoint(tmp_path, "right").config == gaussian_module.config
    assert read_weights(tmp_path, "left").keys() == discrete_module.get_state().keys()
    assert load_modules(tmp_path).keys() == {"left", "right"}
    with pytest.raises(CheckpointError, match=r"holds 2 modules \(left, right\).*module_id="):
        RLModule.from_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"no module 'lefd' \(it holds: left, right\)\. Did you mean 'left'"):
        RLModule.from_checkpoint(tmp_path, "lefd")


@pytest.mark.parametrize("module_id", [3, ["left"], object(), ""])
def test_what_is_no_id_is_refused(discrete_module: Any, tmp_path: Path, module_id: Any):
    discrete_module.save_to_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"holds no module .* \(it holds: default_policy\)"):
        RLModule.from_checkpoint(tmp_path, module_id)


@pytest.mark.parametrize("module_class", ["X", dict, 3, RLModule, NumpyRLModule])
def test_what_is_no_module_class_is_refused(discrete_module: Any, tmp_path: Path, module_class: Any):
    discrete_module.save_to_checkpoint(tmp_path)
    with pytest.raises(ConfigError, match=r"must be a subclass of RLModule|it lacks _forward_exploration"):
        RLModule.from_checkpoint(tmp_path, module_class=module_class)


@pytest.mark.parametrize("argument", ["framework", "catalog_class"])
def test_an_argument_of_another_type_is_named(discrete_module: Any, tmp_path: Path, argument: str):
    discrete_module.save_to_checkpoint(tmp_path)
    with pytest.raises(ConfigError, match=rf"{argument} must be .*, got \[\]"):
        Policy.from_checkpoint(tmp_path, **{argument: []})


@pytest.mark.parametrize("directory", ["", None, 3])
def test_what_is_no_path_is_refused(discrete_module: Any, directory: Any):
    for use in (RLModule.from_checkpoint, Policy.from_checkpoint, discrete_module.save_to_checkpoint):
        with pytest.raises(CheckpointError, match="Expected the path of a checkpoint directory"):
            use(directory)


def test_one_module_under_two_ids_is_stored_once_and_loaded_as_one(discrete_module: Any, tmp_path: Path):
    save_modules({"left": discrete_module, "right": discrete_module}, tmp_path)
    assert _entry(tmp_path, "right") == {"same_as": "left"}
    assert len(read_checkpoint(tmp_path).payload_names) == 1
    loaded = load_modules(tmp_path)
    assert loaded["left"] is loaded["right"]
    assert read_weights(tmp_path, "right").keys() == discrete_module.get_state().keys()
    assert RLModule.from_checkpoint(tmp_path, "right").config == discrete_module.config


def test_weights_of_a_container_say_how_one_module_starts_from_them(
    discrete_module: Any, gaussian_module: Any, tmp_path: Path
):
    save_modules({"left": discrete_module, "right": gaussian_module}, tmp_path)
    with pytest.raises(CheckpointError, match=r"one module\. .*set_state\(RLModule\.from_checkpoint\("):
        read_weights(tmp_path)


def test_numpy_numbers_among_the_settings_are_stored(tmp_path: Path):
    Own(RLModuleConfig(model_config_dict={"size": np.int64(3), "sizes": [np.int32(4)]})).save_to_checkpoint(tmp_path)
    assert RLModule.from_checkpoint(tmp_path).config.model_config_dict == {"size": 3, "sizes": [4]}


def test_settings_that_json_cannot_hold_are_named(tmp_path: Path):
    with pytest.raises(CheckpointError, match=r"model_config_dict\.when"):
        Own(RLModuleConfig(model_config_dict={"when": object()})).save_to_checkpoint(tmp_path)


def test_saving_again_replaces_the_checkpoint(discrete_config: RLModuleConfig, tmp_path: Path):
    first, second = NumpyActorCriticRLModule(discrete_config), NumpyActorCriticRLModule(discrete_config)
    first.save_to_checkpoint(tmp_path)
    second.save_to_checkpoint(tmp_path)
    np.testing.assert_array_equal(read_weights(tmp_path)["pi.0.weight"], second.get_state()["pi.0.weight"])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_module_that_is_not_portable_says_so_and_is_refused_elsewhere(tmp_path: Path):
    Own().save_to_checkpoint(tmp_path)
    assert "class Own" in _entry(tmp_path)["non_portable_part"]
    with pytest.raises(
        CheckpointError, match=r"written by numpy and is tied to it by its class Own.*framework 'torch'"
    ):
        Policy.from_checkpoint(tmp_path, framework="torch")


def test_weights_that_do_not_fit_the_stored_plans_are_refused(discrete_module: Any, tmp_path: Path):
    discrete_module.save_to_checkpoint(tmp_path)
    document = read_checkpoint(tmp_path).document
    weights = {name: array for name, array in discrete_module.get_state().items() if name != "pi.0.bias"}
    payload = document["rl_module"]["modules"]["default_policy"]["payload"]
    write_checkpoint(tmp_path, kind="rl_module", document=document, payloads={payload: weights})
    with pytest.raises(ValueError, match=r"missing: pi\.0\.bias"):
        RLModule.from_checkpoint(tmp_path)


def test_plans_come_back_equal_from_strict_json(gaussian_config: RLModuleConfig):
    text = json.dumps(gaussian_config.plans.to_json(), allow_nan=False)
    assert ModulePlans.from_json(json.loads(text)) == gaussian_config.plans


def test_a_stored_config_without_a_field_is_refused(discrete_config: RLModuleConfig):
    data = discrete_config.to_dict()
    assert RLModuleConfig.from_dict(data) == discrete_config
    del data["plans"]
    with pytest.raises(CheckpointError, match="lacks the field 'plans'"):
        RLModuleConfig.from_dict(data)


def test_versions_are_recorded(discrete_module: Any, tmp_path: Path):
    discrete_module.save_to_checkpoint(tmp_path)
    versions = json.loads((tmp_path / "rl_module.json").read_text())["rl_module"]["versions"]
    assert versions.keys() >= {"rlmodule-core", "numpy"}
