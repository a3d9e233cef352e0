"""What a checkpoint keeps, and what it refuses to keep."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rlmodule_core.checkpoint.store import Checkpoint, read_checkpoint, write_checkpoint
from rlmodule_core.errors import CheckpointError, ConfigError

WEIGHTS = {"pi.0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "step": np.array(7)}
DOCUMENT = {"architecture": "mlp", "config": {"gamma": 0.99, "layers": [64, 64], "catalog": None}}
DTYPES = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", ">i4", ">f4", ">f8")


def save(directory: Path, **changes: Any) -> Path:
    arguments = {"kind": "rl_module", "document": DOCUMENT, "payloads": {"weights": WEIGHTS}}
    return write_checkpoint(directory, **{**arguments, **changes})


def assert_equal_payload(actual: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert sorted(actual) == sorted(expected)
    for key, array in expected.items():
        assert actual[key].dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(actual[key], array, strict=array.dtype.isnative)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    returned = save(tmp_path / "new" / "deep", payloads={"weights": WEIGHTS, "optimizer": {}})
    checkpoint = read_checkpoint(str(returned))
    assert returned == checkpoint.directory == tmp_path / "new" / "deep"
    assert checkpoint.kind == "rl_module"
    assert checkpoint.document == DOCUMENT
    assert checkpoint.payload_names == ("weights", "optimizer")
    checkpoint.verify()
    assert_equal_payload(checkpoint.payload("weights"), WEIGHTS)
    assert checkpoint.payload("optimizer") == {}


arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
views = st.sampled_from([lambda a: a, lambda a: a.T, lambda a: a[..., ::-2] if a.ndim else a])
array_names = st.text(st.characters(exclude_categories=("Cs",)), max_size=5)


@given(st.dictionaries(array_names, st.builds(lambda array, view: view(array), arrays, views), max_size=4))
def test_arrays_of_any_dtype_shape_and_layout_come_back(
    tmp_path_factory: pytest.TempPathFactory, payload: dict[str, np.ndarray]
) -> None:
    directory = save(tmp_path_factory.mktemp("any"), payloads={"weights": payload})
    assert_equal_payload(read_checkpoint(directory).payload("weights"), payload)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
own_keys = st.text(max_size=5).filter(lambda key: key not in ("format", "kind"))


@given(st.dictionaries(own_keys, json_values, max_size=4))
def test_any_json_document_comes_back(tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]) -> None:
    directory = save(tmp_path_factory.mktemp("any"), document=document)
    assert read_checkpoint(directory).document == document


def test_payloads_are_named_by_their_hash_and_recorded_in_full(tmp_path: Path) -> None:
    save(tmp_path)
    content = json.loads((tmp_path / "rl_module.json").read_text())
    record = content["payloads"]["weights"]
    data = (tmp_path / record["file"]).read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    assert record == {"file": f"state-{sha256[:16]}.safetensors", "sha256": sha256, "size": len(data)}
    assert (content["format"], content["kind"]) == (1, "rl_module")
    unsigned = {key: value for key, value in content.items() if key != "digest"}
    canonical = json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    assert content["digest"] == hashlib.sha256(canonical.encode()).hexdigest()


def test_equal_payloads_share_one_file_whatever_their_order(tmp_path: Path) -> None:
    save(tmp_path, payloads={"a": WEIGHTS, "b": dict(reversed(WEIGHTS.items()))})
    assert len(list(tmp_path.glob("state-*"))) == 1
    assert_equal_payload(read_checkpoint(tmp_path).payload("b"), WEIGHTS)


def test_payloads_are_writable_copies(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(save(tmp_path))
    checkpoint.payload("weights")["pi.0.weight"][:] = -1
    assert_equal_payload(checkpoint.payload("weights"), WEIGHTS)


def test_an_unknown_payload_is_refused_with_those_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"Expected a payload 'optimizer' in .*, got weights"):
        read_checkpoint(save(tmp_path)).payload("optimizer")


def test_tuples_are_saved_as_lists_and_mappings_as_objects(tmp_path: Path) -> None:
    save(tmp_path, document={"dims": (1, 2), "settings": MappingProxyType({"a": 1})})
    assert read_checkpoint(tmp_path).document == {"dims": [1, 2], "settings": {"a": 1}}


def test_numpy_scalars_are_saved_as_numbers(tmp_path: Path) -> None:
    given = {"size": np.int64(3), "rate": np.float32(0.5), "on": np.bool_(True), "name": np.str_("a")}
    save(tmp_path, document={"settings": given})
    read = read_checkpoint(tmp_path).document["settings"]
    assert read == {"size": 3, "rate": 0.5, "on": True, "name": "a"}
    assert [type(value) for value in read.values()] == [int, float, bool, str]


@pytest.mark.parametrize("path", ["", None, 3, b"run", "a\0b", ["run"]])
def test_what_is_no_path_is_refused_and_nothing_is_written(
    tmp_path: Path, path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for use in (save, read_checkpoint):
        with pytest.raises(CheckpointError, match=r"Expected the path of a checkpoint directory.*'runs/mine'"):
            use(path)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (float("nan"), "config.layers[1]"),
        (float("inf"), "config.layers[1]"),
        (np.float32("nan"), "config.layers[1]"),
        (np.zeros(2), "config.layers[1]"),
        (np.datetime64("2020-01-01"), "config.layers[1]"),
        (object(), "config.layers[1]"),
        ({1: "a"}, "config.layers[1]"),
        ({"deep": {2}}, "config.layers[1].deep"),
    ],
)
def test_a_value_that_json_cannot_hold_is_named_before_anything_is_written(
    tmp_path: Path, value: Any, path: str
) -> None:
    with pytest.raises(CheckpointError) as caught:
        save(tmp_path / "new", document={"config": {"layers": [1, value]}})
    assert repr(path) in str(caught.value)
    assert names(tmp_path) == []


def test_a_number_too_long_to_read_back_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="strict JSON"):
        save(tmp_path / "new", document={"seed": 10**5000})
    assert names(tmp_path) == []


def test_a_document_that_contains_itself_is_refused(tmp_path: Path) -> None:
    document: dict[str, Any] = {}
    document["self"] = document
    with pytest.raises(CheckpointError, match="contains itself"):
        save(tmp_path, document=document)


@pytest.mark.parametrize("key", ["format", "kind", "payloads", "digest"])
def test_the_keys_of_the_store_are_its_own(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"got {key}\. Rename"):
        save(tmp_path, document={key: 1})


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rl_module, algorithm, got 'policy'"):
        save(tmp_path, kind="policy")


@pytest.mark.parametrize(
    ("array", "got"),
    [
        (np.array([None]), "object"),
        (np.array(["a"]), "<U1"),
        (np.zeros(2, np.complex64), "complex64"),
        (np.zeros(2, "M8[s]"), "datetime64"),
        (np.zeros(2, "f4,i4"), "f4"),
        ([1.0], "list"),
    ],
)
def test_an_array_that_cannot_be_stored_is_named(tmp_path: Path, array: Any, got: str) -> None:
    with pytest.raises(CheckpointError, match=f"(?s)'bad' of payload 'weights'.*got .*{got}"):
        save(tmp_path / "new", payloads={"weights": {"good": np.zeros(1), "bad": array}})
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["__metadata__", "\udc80", 3])
def test_an_array_name_that_cannot_be_stored_is_refused(tmp_path: Path, name: Any) -> None:
    with pytest.raises(CheckpointError, match="payload 'weights'"):
        save(tmp_path, payloads={"weights": {name: np.zeros(1)}})


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_files_follow_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        save(tmp_path / "new")
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}
    assert modes == {0o666 & ~umask}


def test_a_checkpoint_of_the_other_kind_is_not_replaced(tmp_path: Path) -> None:
    save(tmp_path)
    before = names(tmp_path)
    with pytest.raises(CheckpointError, match=r"algorithm\.json, got .*rl_module\.json.*another directory"):
        save(tmp_path, kind="algorithm", payloads={"weights": {"other": np.zeros(3)}})
    assert names(tmp_path) == before
    assert_checkpoint(read_checkpoint(tmp_path))


@pytest.mark.parametrize("path", ["file", "file/below"])
def test_a_file_in_the_way_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CheckpointError, match=r"Expected .*file"):
        save(tmp_path / path)
    assert (tmp_path / "file").read_text() == "mine"


def assert_checkpoint(checkpoint: Checkpoint) -> None:
    assert checkpoint.document == DOCUMENT
    assert_equal_payload(checkpoint.payload("weights"), WEIGHTS)
