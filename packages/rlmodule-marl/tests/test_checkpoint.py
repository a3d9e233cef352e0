from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmodule_core import CheckpointError, Policy, RLModule
from rlmodule_marl import MultiAgentRLModule


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


def test_what_was_removed_is_not_saved_and_what_was_added_is(
    container: MultiAgentRLModule, module: Any, tmp_path: Path
):
    container.remove_module("red")
    container.add_module("green", module())
    container.save_to_checkpoint(tmp_path)
    assert list(MultiAgentRLModule.from_checkpoint(tmp_path)) == ["blue", "green"]


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


def test_a_container_with_a_setup_of_its_own_says_how_it_is_restored(
    container: MultiAgentRLModule, saved: Path, obs: np.ndarray
):
    class Own(MultiAgentRLModule):
        def setup(self) -> None:
            super().setup()

    with pytest.raises(CheckpointError, match=r"Own builds its modules in setup\(\).*then set_state\(\)"):
        Own.from_checkpoint(saved)
    mine = Own(container.config)
    mine.set_state(MultiAgentRLModule.from_checkpoint(saved).get_state())
    assert _bytes(mine["blue"], obs) == _bytes(container["blue"], obs)
