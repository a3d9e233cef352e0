"""A checkpoint names the framework of modules that are tied to one; portable ones go along, or to the default."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlmodule_core import ActorCriticRLModule, Policy, RLModule, plugins
from rlmodule_core.checkpoint import StoredModules, load_modules, read_checkpoint, save_modules, write_checkpoint
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule, NumpyRLModule
from rlmodule_core.plans import Dense

DEFAULT = "rlmodule_core.checkpoint.stored_modules.default_backend_name"
LOADERS: dict[str, Callable[[Path], Any]] = {
    "RLModule": RLModule.from_checkpoint,
    "a neutral class": ActorCriticRLModule.from_checkpoint,
    "Policy": lambda directory: Policy.from_checkpoint(directory).module,
    "load_modules": lambda directory: load_modules(directory)["default_policy"],
}
EVERY = pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)


class Own(NumpyRLModule):
    """Layers that are its own tie it to numpy."""

    def setup(self) -> None:
        self.net = self.backend.lower(Dense(4, 3))

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"])}

    _forward_exploration = _forward_inference = _forward_train


@pytest.fixture
def no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for the default backend fails."""
    monkeypatch.setattr(DEFAULT, lambda: pytest.fail("the default backend was asked for"))


def entries(directory: Path) -> dict[str, Any]:
    section: dict[str, Any] = json.loads((directory / "rl_module.json").read_text())["rl_module"]
    return section["modules"]


def record_framework(directory: Path, framework: str) -> None:
    """Make the checkpoint what was written before portable modules went without."""
    stored = read_checkpoint(directory)
    for entry in stored.document["rl_module"]["modules"].values():
        entry["framework"] = framework
    payloads = {name: stored.payload(name) for name in stored.payload_names}
    write_checkpoint(directory, kind="rl_module", document=stored.document, payloads=payloads)


def test_a_framework_is_recorded_only_where_something_ties_the_module_to_it(
    discrete_module: Any, gaussian_module: Any, tmp_path: Path
):
    gaussian_module.vf = lambda latents: latents
    save_modules({"portable": discrete_module, "own": Own(), "part": gaussian_module}, tmp_path)
    assert {module_id: entry["framework"] for module_id, entry in entries(tmp_path).items()} == {
        "portable": None,
        "own": "numpy",
        "part": "numpy",
    }
    assert StoredModules.read(tmp_path).framework == "numpy"


@EVERY
def test_a_portable_module_is_built_in_the_default_framework(
    discrete_module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: Callable[[Path], Any]
):
    discrete_module.save_to_checkpoint(tmp_path)
    real = plugins.names
    known = ("torch", "tf2", ".torch", ".tf2")
    monkeypatch.setattr(plugins, "names", lambda group: [name for name in real(group) if not name.endswith(known)])
    assert type(load(tmp_path)) is NumpyActorCriticRLModule
    monkeypatch.setattr(DEFAULT, lambda: "unheard-of")
    with pytest.raises(ImportError, match="No backend named 'unheard-of' is installed"):
        load(tmp_path)


@pytest.mark.usefixtures("no_default")
@EVERY
def test_a_framework_that_an_older_file_records_is_taken(
    discrete_module: Any, tmp_path: Path, load: Callable[[Path], Any]
):
    discrete_module.save_to_checkpoint(tmp_path)
    record_framework(tmp_path, "numpy")
    assert type(load(tmp_path)) is NumpyActorCriticRLModule
    record_framework(tmp_path, "unheard-of")
    with pytest.raises(ImportError, match="No backend named 'unheard-of' is installed"):
        load(tmp_path)
    assert type(Policy.from_checkpoint(tmp_path, framework="numpy").module) is NumpyActorCriticRLModule


@pytest.mark.usefixtures("no_default")
def test_a_class_that_the_caller_passes_names_the_framework(discrete_module: Any, tmp_path: Path):
    discrete_module.save_to_checkpoint(tmp_path)
    loaded = RLModule.from_checkpoint(tmp_path, module_class=NumpyActorCriticRLModule)
    assert type(loaded) is NumpyActorCriticRLModule
    assert type(NumpyRLModule.from_checkpoint(tmp_path)) is NumpyActorCriticRLModule


@pytest.mark.usefixtures("no_default")
@pytest.mark.parametrize("first", ["portable", "own"])
def test_portable_modules_go_with_those_that_are_tied(discrete_module: Any, tmp_path: Path, first: str):
    modules = {"portable": discrete_module, "own": Own(), "again": discrete_module}
    save_modules({first: modules.pop(first), **modules}, tmp_path)
    loaded = load_modules(tmp_path)
    assert next(iter(loaded)) == first
    assert type(loaded["portable"]) is NumpyActorCriticRLModule
    assert loaded["again"] is loaded["portable"]
    assert type(loaded["own"]) is Own
