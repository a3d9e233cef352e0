"""A checkpoint may name a class, never import one."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rlmodule_core import CheckpointError, RLModule
from rlmodule_core.checkpoint import read_checkpoint, write_checkpoint
from rlmodule_core.module.class_names import class_name, find_class


class Outer:
    class Inner:
        pass


def _poison(directory: Path, module: RLModule, name: str) -> None:
    module.save_to_checkpoint(directory)
    stored = read_checkpoint(directory)
    entry = stored.document["rl_module"]["modules"]["default_policy"]
    # A portable module, for which no framework is recorded, has no class of its own.
    entry.update({"class": name, "framework": "numpy"})
    payloads = {key: stored.payload(key) for key in stored.payload_names}
    write_checkpoint(directory, kind="rl_module", document=stored.document, payloads=payloads)


def test_a_class_is_found_by_its_name_nested_ones_too():
    for cls in (Outer, Outer.Inner):
        assert find_class(class_name(cls), argument="module_class") is cls


@pytest.mark.parametrize("name", ["antigravity:geohash", "this:s", "sndhdr:what", "xmlrpc.server:DocXMLRPCServer"])
def test_a_file_that_names_a_module_not_imported_imports_nothing(discrete_module: Any, tmp_path: Path, name: str):
    module = name.partition(":")[0]
    assert module not in sys.modules
    before = set(sys.modules)
    _poison(tmp_path, discrete_module, name)
    with pytest.raises(CheckpointError, match=f"Import {module} first"):
        RLModule.from_checkpoint(tmp_path)
    assert module not in sys.modules
    assert set(sys.modules) == before


@pytest.mark.parametrize("name", ["__main__:Own", "os:system", "os:no.such", "sys:modules", "", ":", "os", "os:"])
def test_what_is_no_class_or_lives_in_main_is_refused(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules["__main__"], "Own", Outer, raising=False)
    with pytest.raises(CheckpointError, match="not loaded here"):
        find_class(name, argument="module_class")


def test_a_module_that_loads_names_on_demand_is_not_made_to(monkeypatch: pytest.MonkeyPatch):
    lazy = ModuleType("lazy_module")
    lazy.__getattr__ = lambda name: pytest.fail(f"{name} was loaded on demand")
    monkeypatch.setitem(sys.modules, "lazy_module", lazy)
    with pytest.raises(CheckpointError, match="not loaded here"):
        find_class("lazy_module:Anything", argument="module_class")


@pytest.mark.parametrize("name", ["pathlib:PurePath", "builtins:dict"])
def test_a_class_that_is_no_module_class_is_never_called(discrete_module: Any, tmp_path: Path, name: str):
    _poison(tmp_path, discrete_module, name)
    with pytest.raises(CheckpointError, match=name):
        RLModule.from_checkpoint(tmp_path)
