from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmodule_core import CheckpointError, Policy, RLModule
from rlmodule_core.checkpoint import SECTION, ContainerEntry, describe_modules, write_checkpoint
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleConfig


@pytest.fixture
def saved(container: MultiAgentRLModule, tmp_path: Path) -> Path:
    return container.save_to_checkpoint(tmp_path / "both")


def _bytes(module: RLModule, obs: np.ndarray) -> bytes:
    return module.forward_inference({"obs": obs})["action_dist_inputs"].tobytes()


def test_a_container_comes_back_bit_for_bit(container: MultiAgentRLModule, saved: Path, obs: np.ndarray):
    loaded = MultiAgentRLModule.from_checkpoint(saved)
    assert list(loaded) == ["red", "blue"]
    for module_id, module in container.items():
        assert type(loaded[module_id]) is type(module)
        assert loaded[module_id].config == module.config
        assert _bytes(loaded[module_id], obs) == _bytes(module, obs)


@pytest.mark.parametrize("module_id", ["red", "blue"])
def test_one_id_loads_alone(container: MultiAgentRLModule, saved: Path, obs: np.ndarray, module_id: str):
    alone = RLModule.from_checkpoint(saved, module_id=module_id)
    assert _bytes(alone, obs) == _bytes(container[module_id], obs)


def test_one_id_is_served_alone(container: MultiAgentRLModule, saved: Path, obs: np.ndarray):
    actions, _, _ = Policy.from_checkpoint(saved, module_id="blue").compute_actions(obs)
    logits = container["blue"].forward_inference({"obs": obs})["action_dist_inputs"]
    np.testing.assert_array_equal(actions, logits.argmax(axis=-1))


def test_which_of_several_must_be_said(saved: Path):
    with pytest.raises(CheckpointError, match=r"holds 2 modules \(red, blue\)\. Say which with module_id="):
        RLModule.from_checkpoint(saved)


def test_an_id_that_is_not_in_the_file_is_named_with_the_nearest(saved: Path):
    with pytest.raises(CheckpointError, match=r"no module 'rad' \(it holds: red, blue\)\. Did you mean 'red'\?"):
        RLModule.from_checkpoint(saved, module_id="rad")


def test_a_single_module_s_checkpoint_is_a_container_of_one(module: Any, tmp_path: Path, obs: np.ndarray):
    one = module()
    one.save_to_checkpoint(tmp_path)
    loaded = MultiAgentRLModule.from_checkpoint(tmp_path)
    assert list(loaded) == ["default_policy"]
    assert _bytes(loaded["default_policy"], obs) == _bytes(one, obs)


def test_saving_again_replaces_the_checkpoint(container: MultiAgentRLModule, saved: Path, obs: np.ndarray):
    container.set_state({"red": {name: array + 1.0 for name, array in container["red"].get_state().items()}})
    container.save_to_checkpoint(saved)
    assert len(list(saved.glob("*.json"))) == 1
    assert len(list(saved.glob("*.safetensors"))) == 2
    assert _bytes(MultiAgentRLModule.from_checkpoint(saved)["red"], obs) == _bytes(container["red"], obs)


def test_damage_is_found_before_anything_is_built(saved: Path):
    payload = sorted(saved.glob("*.safetensors"))[0]
    data = bytearray(payload.read_bytes())
    data[-1] ^= 1
    payload.write_bytes(bytes(data))
    with pytest.raises(CheckpointError, match=payload.name):
        MultiAgentRLModule.from_checkpoint(saved)


def test_a_missing_directory_is_not_made(tmp_path: Path):
    with pytest.raises(CheckpointError, match="nowhere"):
        MultiAgentRLModule.from_checkpoint(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


class Fenced(MultiAgentRLModule):
    """A container with a setup of its own that shares nothing."""

    def setup(self) -> None:
        super().setup()


class Talking(MultiAgentRLModule):
    """A container with a forward of its own."""

    def _forward_inference(self, batch: Any) -> Any:
        return {"heard": sorted(batch)}


def test_a_container_with_a_setup_of_its_own_is_built_from_its_config(
    container: MultiAgentRLModule, tmp_path: Path, obs: np.ndarray
):
    own = Fenced(container.config)
    own.save_to_checkpoint(tmp_path)
    for cls in (Fenced, MultiAgentRLModule):
        loaded = cls.from_checkpoint(tmp_path)
        assert type(loaded) is Fenced
        assert loaded.config == own.config
        assert _bytes(loaded["blue"], obs) == _bytes(own["blue"], obs)


def test_a_container_with_a_setup_of_its_own_needs_a_config_for_another_one_s_checkpoint(
    container: MultiAgentRLModule, saved: Path, obs: np.ndarray
):
    with pytest.raises(
        CheckpointError, match=r"from which Fenced builds its modules in setup\(\)\. Pass it as config="
    ):
        Fenced.from_checkpoint(saved)
    mine = Fenced.from_checkpoint(saved, config=container.config)
    assert _bytes(mine["blue"], obs) == _bytes(container["blue"], obs)


def test_the_container_s_own_class_comes_back(container: MultiAgentRLModule, tmp_path: Path, obs: np.ndarray):
    Talking(container.config).save_to_checkpoint(tmp_path)
    loaded = MultiAgentRLModule.from_checkpoint(tmp_path)
    assert type(loaded) is Talking
    assert loaded.forward_inference({"red": {"obs": obs}}) == {"heard": ["red"]}


def test_a_container_class_that_is_not_there_is_never_replaced_by_its_base(
    container: MultiAgentRLModule, tmp_path: Path, obs: np.ndarray
):
    hidden = type("Hidden", (Talking,), {"__qualname__": "Hidden"})
    hidden(container.config).save_to_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"Hidden, which is not loaded here.* Call from_checkpoint on the class"):
        MultiAgentRLModule.from_checkpoint(tmp_path)
    assert type(hidden.from_checkpoint(tmp_path)) is hidden


@pytest.mark.parametrize("name", ["builtins:dict", "rlmodule_core.module.rl_module:RLModule"])
def test_a_class_that_is_no_container_is_never_called(container: MultiAgentRLModule, tmp_path: Path, name: str):
    section, payloads = describe_modules(dict(container.items()), container=ContainerEntry(name, None))
    write_checkpoint(tmp_path, kind="rl_module", document={SECTION: section}, payloads=payloads)
    with pytest.raises(CheckpointError, match=name):
        MultiAgentRLModule.from_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({}, "container.config lacks the field 'modules'"),
        ({"modules": 3, "framework": None}, r"in the field 'rl_module\.container\.config\.modules', got 3"),
        ({"modules": {"red": None}, "framework": None}, r"an object in rl_module\.container\.config\.modules\.red"),
        ({"modules": {"red": {}}, "framework": None}, r"config\.modules\.red lacks the field 'module_class'"),
        ({"modules": {}, "framework": 3}, r"config\.framework', got 3"),
        ({"modules": {}, "framework": None, "more": 1}, "another one, 'more'"),
        ({"modules": {}, "framework": None, "set_up_as": 3}, "Expected module ids by module id .* got 3"),
        ({"modules": {}, "framework": None, "set_up_as": {"red": 3}}, "Expected module ids by module id"),
    ],
)
def test_a_damaged_config_is_a_named_error(container: MultiAgentRLModule, tmp_path: Path, config: Any, complaint: str):
    name = f"{Fenced.__module__}:{Fenced.__qualname__}"
    section, payloads = describe_modules(dict(container.items()), container=ContainerEntry(name, config))
    write_checkpoint(tmp_path, kind="rl_module", document={SECTION: section}, payloads=payloads)
    with pytest.raises(CheckpointError, match=complaint):
        Fenced.from_checkpoint(tmp_path)


def test_an_illegal_id_in_a_stored_config_is_a_damaged_checkpoint(spec: Any):
    data = MultiAgentRLModuleConfig({"red": spec()}).to_dict()
    data["modules"]["a/b"] = data["modules"].pop("red")
    with pytest.raises(CheckpointError, match="cannot be used: 'a/b' is no legal module id"):
        MultiAgentRLModuleConfig.from_dict(data)


def test_where_first_weights_came_from_is_forgotten(container: MultiAgentRLModule, saved: Path, tmp_path: Path):
    RLModule.from_checkpoint(saved, "red").save_to_checkpoint(tmp_path / "one")
    specs = {"red": replace(container.config.modules["red"], load_state_path=tmp_path / "one")}
    Fenced(MultiAgentRLModuleConfig(specs)).save_to_checkpoint(tmp_path / "own")
    shutil.rmtree(tmp_path / "one")
    assert list(Fenced.from_checkpoint(tmp_path / "own")) == ["red"]


def test_one_module_under_two_ids_comes_back_as_one(module: Any, tmp_path: Path):
    container = MultiAgentRLModule()
    one = module()
    for module_id in ("red", "blue"):
        container.add_module(module_id, one)
    container.save_to_checkpoint(tmp_path)
    loaded = MultiAgentRLModule.from_checkpoint(tmp_path)
    assert loaded["red"] is loaded["blue"]
    assert len(list(tmp_path.glob("*.safetensors"))) == 1


def test_modules_that_are_one_only_after_loading_are_refused(container: MultiAgentRLModule, saved: Path):
    class OneForAll(MultiAgentRLModule):
        def setup(self) -> None:
            super().setup()
            self._rl_modules = dict.fromkeys(self._rl_modules, self._rl_modules["red"])

    with pytest.raises(CheckpointError, match="'blue' and 'red' were two modules, and are one now"):
        OneForAll.from_checkpoint(saved, config=container.config)


def test_classes_that_are_not_there_come_with_the_config(container: MultiAgentRLModule, linear: Any, tmp_path: Path):
    hidden = type("Hidden", (linear,), {"__qualname__": "Hidden"})
    specs = {module_id: replace(spec, module_class=hidden) for module_id, spec in container.config.modules.items()}
    config = MultiAgentRLModuleConfig(specs)
    for cls, directory in ((Fenced, tmp_path / "fenced"), (MultiAgentRLModule, tmp_path / "plain")):
        cls(config).save_to_checkpoint(directory)
        with pytest.raises(CheckpointError, match="Hidden, which is not loaded here"):
            cls.from_checkpoint(directory)
        assert type(cls.from_checkpoint(directory, config=config)["blue"]) is hidden
    with pytest.raises(CheckpointError, match=r"pass the container's config as config="):
        Fenced.from_checkpoint(tmp_path / "fenced")
