"""What was added, replaced, renamed and removed is so again after loading, or the error says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import Categorical, CheckpointError, ModulePlans, RLModule, RLModuleConfig
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule, NumpyRLModule
from rlmodule_core.plans import ActorCritic, Chain, Dense, Encoder
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleConfig


class Fenced(MultiAgentRLModule):
    """A container with a setup of its own that shares nothing."""

    def setup(self) -> None:
        super().setup()


class Crossed(NumpyRLModule):
    """Computes something else than a Linear with the same weights."""

    def setup(self) -> None:
        self.net = self.backend.lower(Dense(4, int(self.config.action_space.n)))

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": -self.net(batch["obs"])}

    _forward_exploration = _forward_inference = _forward_train


class Bare(NumpyRLModule):
    """Is constructed from a size, not from a config."""

    def __init__(self, actions: int) -> None:
        super().__init__(None)
        self.net = self.backend.lower(Dense(4, actions))

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"])}

    _forward_exploration = _forward_inference = _forward_train


class Barest(NumpyRLModule):
    """Is constructed from nothing."""

    def setup(self) -> None:
        self.net = self.backend.lower(Dense(4, 2))

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"])}

    _forward_exploration = _forward_inference = _forward_train


class FencedBare(MultiAgentRLModule):
    """A container whose modules only its own setup can construct."""

    def setup(self) -> None:
        self._rl_modules = {module_id: Bare(2) for module_id in self.config.modules}


@pytest.fixture(params=[MultiAgentRLModule, Fenced])
def changing(request: Any, spec: Any) -> MultiAgentRLModule:
    made: MultiAgentRLModule = request.param(MultiAgentRLModuleConfig({"red": spec(2), "blue": spec(3)}))
    return made


@pytest.fixture
def crossed() -> RLModule:
    return Crossed(RLModuleConfig(gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2), {}))


@pytest.fixture
def portable() -> RLModule:
    """A module that runs in every framework, so that no file says where it ran."""
    encoder = ActorCritic(Encoder(Chain((Dense(4, 3),))))
    plans = ModulePlans(encoder, Chain((Dense(3, 2),)), Chain((Dense(3, 1),)), *[Categorical(2)] * 3)
    spaces = gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2)
    return NumpyActorCriticRLModule(RLModuleConfig(*spaces, {}, plans=plans))


def _require_alike(one: MultiAgentRLModule, other: MultiAgentRLModule, obs: np.ndarray) -> None:
    assert type(one) is type(other)
    assert list(one) == list(other)
    assert [list(one.values()).index(module) for module in one.values()] == [
        list(other.values()).index(module) for module in other.values()
    ]
    for module_id, module in one.items():
        assert type(module) is type(other[module_id])
        results = [m.forward_inference({"obs": obs})["action_dist_inputs"] for m in (module, other[module_id])]
        assert results[0].tobytes() == results[1].tobytes()


def _require_comes_back(container: MultiAgentRLModule, directory: Path, obs: np.ndarray) -> None:
    """Through one checkpoint, and through a checkpoint of what was loaded."""
    for attempt in ("once", "twice"):
        container.save_to_checkpoint(directory / attempt)
        loaded = MultiAgentRLModule.from_checkpoint(directory / attempt)
        _require_alike(loaded, container, obs)
        container = loaded


def test_added_and_removed_modules(changing: MultiAgentRLModule, module: Any, tmp_path: Path, obs: np.ndarray):
    changing.remove_module("red")
    changing.add_module("green", module(5))
    _require_comes_back(changing, tmp_path, obs)


def test_one_module_under_several_ids(changing: MultiAgentRLModule, module: Any, tmp_path: Path, obs: np.ndarray):
    changing.add_module("green", module(5))
    changing.add_module("lime", changing["green"])
    changing.add_module("rose", changing["red"])
    changing.add_module("blue", changing["red"], override=True)
    _require_comes_back(changing, tmp_path, obs)


def test_a_replacement_of_the_same_shape(
    changing: MultiAgentRLModule, crossed: RLModule, tmp_path: Path, obs: np.ndarray
):
    changing.add_module("red", crossed, override=True)
    _require_comes_back(changing, tmp_path, obs)


def test_a_replacement_of_another_shape(changing: MultiAgentRLModule, module: Any, tmp_path: Path, obs: np.ndarray):
    changing.add_module("red", module(6), override=True)
    _require_comes_back(changing, tmp_path, obs)


def test_modules_that_changed_places(changing: MultiAgentRLModule, tmp_path: Path, obs: np.ndarray):
    red, blue = changing["red"], changing["blue"]
    changing.add_module("red", blue, override=True)
    changing.add_module("blue", red, override=True)
    _require_comes_back(changing, tmp_path, obs)


def test_a_container_that_was_emptied(changing: MultiAgentRLModule, tmp_path: Path):
    for module_id in list(changing):
        changing.remove_module(module_id)
    changing.save_to_checkpoint(tmp_path)
    assert len(type(changing).from_checkpoint(tmp_path)) == 0


@pytest.mark.parametrize("kept", [["red", "blue"], ["blue"], []])
def test_a_portable_module_comes_back_in_the_framework_of_the_others(
    changing: MultiAgentRLModule,
    portable: RLModule,
    crossed: RLModule,
    kept: list[str],
    tmp_path: Path,
    obs: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
):
    default = "rlmodule_core.checkpoint.stored_modules.default_backend_name"
    monkeypatch.setattr(default, lambda: pytest.fail("the default backend was asked for"))
    for module_id in {"red", "blue"}.difference(kept):
        changing.remove_module(module_id)
    changing.add_module("green", portable)
    changing.add_module("crossed", crossed)
    _require_comes_back(changing, tmp_path, obs)


@pytest.mark.parametrize("cls", [MultiAgentRLModule, Fenced])
def test_portable_modules_alone_are_built_in_the_default_framework(
    cls: type[MultiAgentRLModule],
    portable: RLModule,
    spec: Any,
    tmp_path: Path,
    obs: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
):
    container = cls(MultiAgentRLModuleConfig({"red": spec()}))
    container.add_module("green", portable)
    container.remove_module("red")
    container.save_to_checkpoint(tmp_path)
    default = "rlmodule_core.checkpoint.stored_modules.default_backend_name"
    monkeypatch.setattr(default, lambda: "numpy")
    _require_alike(MultiAgentRLModule.from_checkpoint(tmp_path), container, obs)
    monkeypatch.setattr(default, lambda: "unheard-of")
    with pytest.raises(ImportError, match="No backend named 'unheard-of'"):
        MultiAgentRLModule.from_checkpoint(tmp_path)


def test_a_renamed_module_that_only_setup_can_construct(spec: Any, tmp_path: Path, obs: np.ndarray):
    container = FencedBare(MultiAgentRLModuleConfig({"red": spec(), "blue": spec()}))
    red = container["red"]
    container.remove_module("red")
    container.add_module("crimson", red)
    _require_comes_back(container, tmp_path, obs)


def test_an_added_module_that_no_file_can_construct_is_named_and_its_weights_can_be_loaded(
    spec: Any, tmp_path: Path, obs: np.ndarray
):
    container = FencedBare(MultiAgentRLModuleConfig({"red": spec()}))
    container.add_module("green", Bare(3))
    container.save_to_checkpoint(tmp_path)
    with pytest.raises(
        CheckpointError, match=r"(?s)'green' of .* none that setup\(\) makes.*no config of its own.*call load_state\("
    ):
        FencedBare.from_checkpoint(tmp_path)
    again = FencedBare(container.config)
    again.add_module("green", Bare(3))
    again.load_state(tmp_path)
    _require_alike(again, container, obs)


def test_the_same_in_a_plain_container(tmp_path: Path, obs: np.ndarray):
    container = MultiAgentRLModule()
    container.add_module("green", Bare(3))
    container.add_module("lime", Bare(4))
    container.save_to_checkpoint(tmp_path)
    for load in (MultiAgentRLModule.from_checkpoint, lambda where: RLModule.from_checkpoint(where, "green")):
        with pytest.raises(CheckpointError, match=r"must be a positive.* constructed without a config.*read_weights"):
            load(tmp_path)
    again = MultiAgentRLModule()
    again.add_module("lime", Bare(4))
    again.add_module("green", Bare(3))
    again.load_state(tmp_path)
    np.testing.assert_array_equal(
        again["green"].get_state()["net.weight"], container["green"].get_state()["net.weight"]
    )


def test_a_module_that_needs_no_config_is_constructed_without_one(tmp_path: Path, obs: np.ndarray):
    container = MultiAgentRLModule()
    container.add_module("green", Barest())
    _require_comes_back(container, tmp_path, obs)


def test_where_setup_makes_other_modules_today_the_stored_ones_are_built(spec: Any, tmp_path: Path, obs: np.ndarray):
    today = ["red"]

    class Moody(MultiAgentRLModule):
        def setup(self) -> None:
            self._rl_modules = {module_id: self.config.modules[module_id].build() for module_id in today}

    container = Moody(MultiAgentRLModuleConfig({"red": spec(2), "blue": spec(3)}))
    container.save_to_checkpoint(tmp_path)
    today[:] = ["blue"]
    _require_alike(Moody.from_checkpoint(tmp_path), container, obs)
