from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from rlmodule_core.errors import ConfigError, SpecCheckingError
from rlmodule_core.specs import AnyOf, SpecDict, TensorSpec, TypeSpec

SPEC = SpecDict(
    {
        "obs": {"global": TensorSpec("b, h", h=3, framework="np"), "name": str},
        "mask": None,
        ("state", "h"): (int, float),
        "rule": AnyOf(["a", "b"]),
    }
)
DATA = {"obs": {"global": np.zeros((2, 3)), "name": "x"}, "mask": 0, "state": {"h": 1.5}, "rule": {"b": 0}}


def test_a_nested_mapping_becomes_flat_paths_in_their_order() -> None:
    assert dict(SPEC) == {
        ("obs", "global"): TensorSpec("b, h", h=3, framework="np"),
        ("obs", "name"): TypeSpec(str),
        ("mask",): None,
        ("state", "h"): TypeSpec((int, float)),
        ("rule",): AnyOf(["a", "b"]),
    }
    assert list(SPEC) == [("obs", "global"), ("obs", "name"), ("mask",), ("state", "h"), ("rule",)]
    assert SPEC["mask"] is SPEC["mask",] is None


@pytest.mark.parametrize(
    "same",
    [
        SpecDict(["a", ("b", "c"), ("b", "d")]),
        SpecDict({"a": None, "b": ["c", "d"]}),
        SpecDict({"a": {}, "b": {"c": [], "d": None}}),
        SpecDict({"a": None, "b": SpecDict(["c", "d"])}),
        SpecDict(["a", ("b", ("c",)), ("b", "d"), "a"]),
        SpecDict({("b", "d"): None, ("b", "c"): None, "a": None}),
    ],
)
def test_all_ways_to_write_the_same_spec_are_equal(same: SpecDict) -> None:
    assert same == SpecDict(["a", ("b", "c"), ("b", "d")])
    assert hash(same) == hash(SpecDict(["a", ("b", "c"), ("b", "d")]))


def test_data_that_fit_pass() -> None:
    SPEC.validate(DATA)
    SPEC.validate({**DATA, "more": 1})
    SpecDict(["obs"]).validate(DATA)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"obs": {"name": "x"}}, ["('obs', 'global')", "missing", "('obs', 'name')", "'mask'"]),
        ({"obs": 3}, ["('obs', 'global')", "missing"]),
        ({"obs": {"global": np.zeros((2, 4)), "name": "x"}}, ["('obs', 'global')", "('b', 3)", "(2, 4)", "'mask'"]),
        ({"obs": {"global": np.zeros((2, 3)), "name": 5}}, ["('obs', 'name')", "type str", "type int", "'mask'"]),
        ({"state": {"h": "x"}}, ["('state', 'h')", "int or float", "type str"]),
        ({"rule": {"c": 0}}, ["'rule'", "'a' and/or 'b'", "'c'"]),
    ],
)
def test_an_error_names_the_path_the_expectation_and_the_keys(change: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(SpecCheckingError) as caught:
        SPEC.validate({**DATA, **change})
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_data_must_be_a_mapping() -> None:
    with pytest.raises(SpecCheckingError, match=r"mapping with the keys \['obs'\], got a value of type list"):
        SpecDict(["obs"]).validate(["obs"])


def test_an_exact_match_refuses_leaves_that_no_key_covers() -> None:
    SPEC.validate(DATA, exact_match=True)
    with pytest.raises(SpecCheckingError, match=r"also \('obs', 'more'\), 'x'.*'mask'"):
        SPEC.validate({**DATA, "obs": {**DATA["obs"], "more": 1}, "x": {}}, exact_match=True)  # type: ignore[dict-item]


def test_a_key_without_a_leaf_covers_everything_below_it() -> None:
    SpecDict(["obs"]).validate({"obs": {"global": {"deep": 1}}}, exact_match=True)


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"obs": {"x": 3}}, r"\('obs', 'x'\)"),
        ({"obs": "b, h"}, "'obs'"),
        ({"obs": TensorSpec("b"), ("obs",): int}, "'obs'"),
        ({"obs": {"x", "y"}}, "'obs'"),
        ([1], "1"),
        ({"obs": ["x", TensorSpec("b")]}, "TensorSpec"),
        ({(): None}, r"\(\)"),
        ("obs", "'obs'"),
        (5, "5"),
    ],
)
def test_an_illegal_leaf_or_key_is_refused_by_its_path(spec: Any, path: str) -> None:
    with pytest.raises(ConfigError, match=path):
        SpecDict(spec)


def test_a_spec_survives_copies_and_pickle() -> None:
    assert copy.deepcopy(SPEC) == pickle.loads(pickle.dumps(SPEC)) == SPEC


def test_the_repr_is_written_as_a_user_writes_keys() -> None:
    assert repr(SpecDict(["a", ("b", "c")])) == "SpecDict({'a': None, ('b', 'c'): None})"
