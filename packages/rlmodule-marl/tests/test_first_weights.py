"""Where the weights of a built container come from: its own checkpoint, then those of its modules' specs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import CheckpointError, ConfigError, RLModule, SingleAgentRLModuleSpec, StateError
from rlmodule_core.checkpoint import SECTION, describe_modules, write_checkpoint
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleSpec


class Whole(MultiAgentRLModule):
    """A container with a setup of its own, which pays no heed to where first weights are."""

    def setup(self) -> None:
        for module_id, spec in self.config.modules.items():
            self._rl_modules[module_id] = spec.module_class(spec.get_rl_module_config())


@pytest.fixture
def saved(container: MultiAgentRLModule, tmp_path: Path) -> Path:
    return container.save_to_checkpoint(tmp_path / "both")


@pytest.fixture
def saved_red(spec: Any, tmp_path: Path) -> tuple[RLModule, Path]:
    """A single module that fits red, and its checkpoint."""
    module = spec(2).build()
    return module, module.save_to_checkpoint(tmp_path / "red")


@pytest.fixture(params=[MultiAgentRLModule, Whole])
def both(request: Any, spec: Any) -> MultiAgentRLModuleSpec:
    return MultiAgentRLModuleSpec(request.param, {"red": spec(2), "blue": spec(3)})


def _same(one: RLModule, other: RLModule) -> bool:
    mine, yours = one.get_state(), other.get_state()
    return mine.keys() == yours.keys() and all(np.array_equal(mine[name], yours[name]) for name in mine)


def _with_own_path(spec: MultiAgentRLModuleSpec, module_id: str, path: Path) -> MultiAgentRLModuleSpec:
    return spec.add_modules({module_id: SingleAgentRLModuleSpec(load_state_path=path)}, overwrite=False)


def test_all_modules_start_with_the_weights_of_the_container_s_checkpoint(
    both: MultiAgentRLModuleSpec, container: MultiAgentRLModule, saved: Path
):
    built = replace(both, load_state_path=saved).build()
    assert all(_same(built[module_id], container[module_id]) for module_id in ("red", "blue"))
    assert not any(_same(built[module_id], both.build()[module_id]) for module_id in ("red", "blue"))


def test_only_the_chosen_modules_are_loaded(both: MultiAgentRLModuleSpec, container: MultiAgentRLModule, saved: Path):
    built = replace(both, load_state_path=saved, modules_to_load={"blue"}).build()
    assert _same(built["blue"], container["blue"])
    assert not _same(built["red"], container["red"])


def test_no_module_is_loaded_where_none_is_chosen(
    both: MultiAgentRLModuleSpec, container: MultiAgentRLModule, saved: Path
):
    built = replace(both, load_state_path=saved, modules_to_load=()).build()
    assert not any(_same(built[module_id], container[module_id]) for module_id in ("red", "blue"))


def test_a_module_s_own_checkpoint_wins(
    both: MultiAgentRLModuleSpec, container: MultiAgentRLModule, saved: Path, saved_red: tuple[RLModule, Path]
):
    red, path = saved_red
    built = _with_own_path(replace(both, load_state_path=saved), "red", path).build()
    assert _same(built["red"], red)
    assert _same(built["blue"], container["blue"])


def test_a_module_s_own_checkpoint_needs_no_other(both: MultiAgentRLModuleSpec, saved_red: tuple[RLModule, Path]):
    red, path = saved_red
    assert _same(_with_own_path(both, "red", path).build()["red"], red)


def test_a_module_with_its_own_checkpoint_may_be_missing_in_the_container_s(
    both: MultiAgentRLModuleSpec, container: MultiAgentRLModule, saved_red: tuple[RLModule, Path], tmp_path: Path
):
    red, path = saved_red
    container.remove_module("red")
    directory = container.save_to_checkpoint(tmp_path / "blue")
    built = _with_own_path(replace(both, load_state_path=directory), "red", path).build()
    assert _same(built["red"], red)
    assert _same(built["blue"], container["blue"])


def test_an_own_checkpoint_of_several_modules_gives_the_one_of_the_same_id(
    both: MultiAgentRLModuleSpec, container: MultiAgentRLModule, saved: Path
):
    assert _same(_with_own_path(both, "blue", saved).build()["blue"], container["blue"])
    with pytest.raises(CheckpointError, match=r"no module 'bleu' \(it holds: red, blue\)\. Did you mean 'blue'\?"):
        MultiAgentRLModuleSpec(module_specs={"bleu": replace(both.module_specs["blue"], load_state_path=saved)}).build()


def test_one_module_is_built_alone_with_its_weights(
    both: MultiAgentRLModuleSpec, container: MultiAgentRLModule, saved: Path, saved_red: tuple[RLModule, Path]
):
    red, path = saved_red
    assert _same(replace(both, load_state_path=saved).build("blue"), container["blue"])
    assert not _same(replace(both, load_state_path=saved, modules_to_load=["red"]).build("blue"), container["blue"])
    assert _same(_with_own_path(replace(both, load_state_path=saved), "red", path).build("red"), red)


def test_a_single_module_s_checkpoint_is_for_a_single_module(
    both: MultiAgentRLModuleSpec, saved_red: tuple[RLModule, Path]
):
    red, path = saved_red
    assert _same(replace(both, load_state_path=path, modules_to_load={"red"}).build()["red"], red)
    with pytest.raises(CheckpointError, match=r"no weights for 'red', 'blue' \(it holds: default_policy\)"):
        replace(both, load_state_path=path).build()


def test_a_container_of_one_keeps_its_id(spec: Any, container: MultiAgentRLModule, tmp_path: Path):
    container.remove_module("blue")
    container.save_to_checkpoint(tmp_path)
    rose = MultiAgentRLModuleSpec(module_specs={"rose": spec(2)}, load_state_path=tmp_path)
    with pytest.raises(CheckpointError, match=r"no weights for 'rose' \(it holds: red\)"):
        rose.build()


def test_an_algorithm_s_checkpoint_will_do(both: MultiAgentRLModuleSpec, container: MultiAgentRLModule, tmp_path: Path):
    section, payloads = describe_modules(dict(container.items()), container=container.container_entry())
    write_checkpoint(tmp_path, kind="algorithm", document={SECTION: section}, payloads=payloads)
    built = replace(both, load_state_path=tmp_path).build()
    assert all(_same(built[module_id], container[module_id]) for module_id in ("red", "blue"))


def test_other_modules_of_the_checkpoint_are_left_there(
    both: MultiAgentRLModuleSpec, container: MultiAgentRLModule, module: Any, tmp_path: Path
):
    container.add_module("green", module(7))
    container.save_to_checkpoint(tmp_path)
    built = replace(both, load_state_path=tmp_path).build()
    assert list(built) == ["red", "blue"]
    assert _same(built["red"], container["red"])


def test_modules_that_the_checkpoint_lacks_are_all_named(
    both: MultiAgentRLModuleSpec, spec: Any, container: MultiAgentRLModule, tmp_path: Path
):
    container.remove_module("red")
    container.save_to_checkpoint(tmp_path)
    more = replace(both.add_modules({"green": spec()}), load_state_path=tmp_path)
    with pytest.raises(CheckpointError, match=r"no weights for 'red', 'green' \(it holds: blue\).*modules_to_load="):
        more.build()
    with pytest.raises(CheckpointError, match=r"no weights for 'green' \(it holds: blue\)"):
        replace(more, modules_to_load={"blue", "green"}).build()


def test_a_module_to_load_must_have_a_spec(both: MultiAgentRLModuleSpec, saved: Path):
    with pytest.raises(ConfigError, match=r"names 'bleu', which has no spec \(there are: red, blue\)\. Did you mean"):
        replace(both, load_state_path=saved, modules_to_load={"bleu"}).build()


def test_a_module_to_load_must_not_have_a_checkpoint_of_its_own(
    both: MultiAgentRLModuleSpec, saved: Path, saved_red: tuple[RLModule, Path]
):
    spec = _with_own_path(replace(both, load_state_path=saved, modules_to_load={"red"}), "red", saved_red[1])
    with pytest.raises(ConfigError, match=r"'red' is named in modules_to_load, and its own spec has .*Leave out one"):
        spec.build()


def test_modules_to_load_need_a_checkpoint(both: MultiAgentRLModuleSpec):
    with pytest.raises(ConfigError, match=r"modules_to_load is \['red'\], but load_state_path is None"):
        replace(both, modules_to_load={"red"}).build()


def test_weights_that_do_not_fit_are_named_with_their_module_and_both_shapes(both: MultiAgentRLModuleSpec, saved: Path):
    wider = both.add_modules({"blue": SingleAgentRLModuleSpec(action_space=gym.spaces.Discrete(9))}, overwrite=False)
    with pytest.raises(StateError) as caught:
        replace(wider, load_state_path=saved).build()
    for part in (str(saved), "'blue'", "net.weight", "(9, 4)", "(3, 4)"):
        assert part in str(caught.value)
    with pytest.raises(StateError, match=r"(?s)own spec.*'blue'.*net\.weight expected \(9, 4\), got \(3, 4\)"):
        _with_own_path(wider, "blue", saved).build()


def test_a_checkpoint_that_is_not_there_is_named_and_not_made(both: MultiAgentRLModuleSpec, tmp_path: Path):
    missing = tmp_path / "missing"
    for spec in (replace(both, load_state_path=missing), _with_own_path(both, "red", missing)):
        for build in (spec.build, lambda spec=spec: spec.build("red")):
            with pytest.raises(CheckpointError, match="missing"):
                build()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [3, "", ["both"], b"both"])
def test_what_is_no_path_is_refused(both: MultiAgentRLModuleSpec, path: Any):
    with pytest.raises(CheckpointError, match="Expected the path of a checkpoint directory"):
        replace(both, load_state_path=path).build()


def test_a_damaged_checkpoint_builds_nothing(both: MultiAgentRLModuleSpec, saved: Path):
    payload = sorted(saved.glob("*.safetensors"))[0]
    payload.write_bytes(payload.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=payload.name):
        replace(both, load_state_path=saved).build()


def test_the_container_does_not_remember_where_its_weights_came_from(
    both: MultiAgentRLModuleSpec, saved: Path, saved_red: tuple[RLModule, Path]
):
    built = _with_own_path(replace(both, load_state_path=saved), "red", saved_red[1]).build()
    assert MultiAgentRLModuleSpec.from_module(built) == both
    assert built.config == both.get_marl_config()
