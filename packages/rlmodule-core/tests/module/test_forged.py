"""A document with a digest that fits may still say anything: it is refused by the field's name."""

from __future__ import annotations

import copy
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmodule_core import CheckpointError, Policy
from rlmodule_core.checkpoint import load_modules, read_checkpoint, read_weights, write_checkpoint
from rlmodule_core.numpy_backend import NumpyRLModule

DENSE = {"type": "Dense", "inputs": 8, "outputs": 3, "bias": True, "gain": 1.0}
DROPPED = object()


@pytest.fixture
def forge(discrete_module: Any, tmp_path: Path) -> Callable[..., Path]:
    """Saves a module, then changes one field of the document, whose keys are given with dots, by value or function."""

    def change(path: str, value: Any, weights: dict[str, Any] | None = None) -> Path:
        discrete_module.save_to_checkpoint(tmp_path)
        stored = read_checkpoint(tmp_path)
        document = copy.deepcopy(stored.document)
        *parents, last = path.split(".")
        place: Any = document
        for key in parents:
            place = place[int(key) if key.isdigit() else key]
        if value is DROPPED:
            del place[last]
        else:
            place[last] = value(place[last]) if callable(value) else value
        payloads = {name: stored.payload(name) if weights is None else weights for name in stored.payload_names}
        return write_checkpoint(tmp_path, kind="rl_module", document=document, payloads=payloads)

    return change


def tied(**fields: Any) -> Callable[[Any], Any]:
    """The entry as that of a module that is tied to numpy, with these fields."""
    return lambda entry: {**entry, "framework": "numpy", **fields}


SECTION = "rl_module"
MODULES = "rl_module.modules"
ENTRY = "rl_module.modules.default_policy"
CONFIG = f"{ENTRY}.config"
PLANS = f"{CONFIG}.plans"


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (SECTION, None, "rl_module"),
        (SECTION, [], "rl_module"),
        (SECTION, DROPPED, "rl_module"),
        (MODULES, None, "modules"),
        (MODULES, [], "modules"),
        (MODULES, DROPPED, "modules"),
        (MODULES, {}, "holds 0 modules"),
        ("rl_module.versions", 3, "versions"),
        ("rl_module.shared", [], "shared"),
        ("rl_module.shared", {"default_policy.pi.0.bias": 3}, "shared"),
        ("rl_module.shared", {"default_policy.pi.0.bias": "nobody.pi.0.bias"}, "shared"),
        ("rl_module.shared", {"a": "a"}, "shared"),
        ("rl_module.shared", {"default_policy.pi.0.bias": "default_policy.vf.0.bias"}, "'pi.0.bias'"),
        ("rl_module.shared", {"default_policy.more": "default_policy.none"}, "'more'"),
        ("rl_module.container", [], "container"),
        ("rl_module.container", {"class": 3, "config": None}, "class"),
        (ENTRY, None, "default_policy"),
        (ENTRY, [], "default_policy"),
        (ENTRY, {"same_as": "nobody"}, "same_as"),
        (ENTRY, {"same_as": "default_policy"}, "same_as"),
        (ENTRY, {"same_as": ["default_policy"]}, "same_as"),
        (f"{ENTRY}.framework", DROPPED, "framework"),
        *[(f"{ENTRY}.framework", value, "str | None in the field") for value in (["numpy"], {}, 3, 0, False, True)],
        (f"{ENTRY}.non_portable_part", "its part 'pi'", "framework is null, which only a module"),
        (f"{ENTRY}.class", "module:Class", "framework is null, which only a module"),
        (f"{ENTRY}.architecture", 3, "architecture"),
        (f"{ENTRY}.architecture", None, "neither a class nor an architecture"),
        (f"{ENTRY}.class", 3, "class"),
        (ENTRY, tied(**{"class": "rlmodule_core.module.rl_module:RLModule"}), "it lacks _forward_exploration"),
        (ENTRY, tied(**{"class": "rlmodule_core.numpy_backend.module:NumpyRLModule"}), "it lacks _forward_exploration"),
        (f"{ENTRY}.payload", [], "payload"),
        (f"{ENTRY}.payload", "other", "payload 'other'"),
        (f"{ENTRY}.colour", "red", "'colour'"),
        (CONFIG, [], "config"),
        (CONFIG, None, "cannot be built"),
        (f"{CONFIG}.observation_space", 3, "observation_space"),
        (f"{CONFIG}.model_config_dict", [], "model_config_dict"),
        (f"{CONFIG}.catalog", 3, "catalog"),
        (PLANS, "x", "plans"),
        (PLANS, DENSE, "plans"),
        (f"{PLANS}.encoder", DENSE, "encoder"),
        (f"{PLANS}.encoder", None, "encoder"),
        (f"{PLANS}.pi", "x", "pi"),
        (f"{PLANS}.train", DENSE, "Descriptor in the field 'ModulePlans.train'"),
        (f"{PLANS}.pi.records.0.gain", "x", "gain"),
        (f"{PLANS}.pi.records.0.bias", "no", "bias"),
        (f"{PLANS}.pi.records.0.outputs", 10**12, "pi.0.weight"),
        (f"{PLANS}.encoder.shared.net.records.0.inputs", 10**12, "encoder.shared.0.weight"),
    ],
)
def test_a_forged_field_is_refused_by_name_before_anything_is_allocated(
    forge: Callable[..., Path], path: str, value: Any, named: str
):
    directory = forge(path, value)
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError) as caught:
            NumpyRLModule.from_checkpoint(directory)
        assert tracemalloc.get_traced_memory()[1] < 10**7
    finally:
        tracemalloc.stop()
    assert named in str(caught.value)


def test_a_layer_without_weights_cannot_be_of_any_size(forge: Callable[..., Path], discrete_module: Any):
    huge = [{"type": "OneHot", "size": 10**12, "start": 0}]
    heads = {name: array for name, array in discrete_module.get_state().items() if not name.startswith("encoder")}
    directory = forge(f"{PLANS}.encoder.shared.net.records", huge, weights=heads)
    with pytest.raises(CheckpointError, match=r"do not fit .*Dense\(8, 3.* got rows of shape \(4, 1000000000000\)"):
        NumpyRLModule.from_checkpoint(directory)


@pytest.mark.parametrize("load", [Policy.from_checkpoint, load_modules, read_weights])
def test_every_way_of_loading_checks_the_document(forge: Callable[..., Path], load: Callable[[Path], Any]):
    with pytest.raises(CheckpointError, match="modules"):
        load(forge(MODULES, None))


@pytest.mark.parametrize("name", ["builtins:dict", "pathlib:PurePath", "collections:OrderedDict"])
def test_a_class_that_is_no_catalog_is_never_called(forge: Callable[..., Path], name: str):
    config = {"observation_space": None, "action_space": None, "model_config_dict": {}, "catalog": name, "plans": None}
    with pytest.raises(CheckpointError, match="is no catalog"):
        NumpyRLModule.from_checkpoint(forge(CONFIG, config))


def test_an_unchanged_document_is_accepted(forge: Callable[..., Path], discrete_module: Any):
    loaded = NumpyRLModule.from_checkpoint(forge("rl_module.shared", {}))
    np.testing.assert_array_equal(loaded.get_state()["pi.0.weight"], discrete_module.get_state()["pi.0.weight"])
