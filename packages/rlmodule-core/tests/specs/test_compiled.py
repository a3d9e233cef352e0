from __future__ import annotations

import gc
import weakref
from collections import defaultdict
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_core.errors import ConfigError, SpecCheckingError
from rlmodule_core.specs import AnyOf, Spec, SpecDict, SpecType, TensorSpec, TypeSpec, compile_check

SPEC: SpecType = {
    "obs": {"global": TensorSpec("b, h", h=3, dtype="float32", framework="np"), "any": TensorSpec("b, t")},
    "name": str,
    "mask": None,
}


def good(batch: int = 2) -> dict[str, Any]:
    tensors = {"global": np.zeros((batch, 3), np.float32), "any": np.zeros((batch, 5), np.int64)}
    return {"obs": tensors, "name": "x", "mask": 0}


def with_global(value: object) -> dict[str, Any]:
    return {**good(), "obs": {**good()["obs"], "global": value}}


BAD = {
    "a missing key": {key: value for key, value in good().items() if key != "mask"},
    "a missing type": {key: value for key, value in good().items() if key != "name"},
    "a missing nested key": {**good(), "obs": {"any": np.zeros((2, 5))}},
    "a missing level": {key: value for key, value in good().items() if key != "obs"},
    "no level": {**good(), "obs": np.zeros((2, 3))},
    "too low a rank": with_global(np.zeros(2, np.float32)),
    "too high a rank": with_global(np.zeros((2, 3, 1), np.float32)),
    "a wrong rank of free dimensions": {**good(), "obs": {**good()["obs"], "any": np.zeros(2, np.int64)}},
    "a wrong fixed size": with_global(np.zeros((2, 4), np.float32)),
    "a wrong dtype": with_global(np.zeros((2, 3), np.float64)),
    "a wrong framework": with_global([[0.0, 0.0, 0.0]]),
    "a scalar": with_global(np.float32(1)),
    "nothing": with_global(None),
    "a wrong type": {**good(), "name": b"x"},
    "a list": ["obs", "name", "mask"],
    "an array of records": np.zeros(2, [("obs", "f4"), ("name", "f4"), ("mask", "f4")]),
    "no data": None,
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_bad_data_fail_at_the_first_call(data: object) -> None:
    with pytest.raises(SpecCheckingError):
        compile_check(SPEC, where="here")(data)


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_bad_data_fail_after_good_ones_and_good_ones_still_pass(data: object) -> None:
    check = compile_check(SPEC, where="here")
    for _ in range(2):
        check(good())
        with pytest.raises(SpecCheckingError):
            check(data)
    check(good())


@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from(["float32", "float64"]), st.integers(1, 3))
def test_a_warm_check_agrees_with_full_validation(batch: int, size: int, dtype: str, rank: int) -> None:
    data = with_global(np.zeros((batch, size, 1)[:rank], dtype))
    check = compile_check(SPEC, where="here")
    check(good())
    assert raises(check, data) == raises(SpecDict(SPEC).validate, data)


def raises(function: Any, data: object) -> bool:
    try:
        function(data)
    except SpecCheckingError:
        return True
    return False


class CountingSpec(Spec):
    """A leaf of a user's own."""

    def __init__(self) -> None:
        self.calls = 0

    def validate(self, value: object) -> None:
        self.calls += 1
        if value != 7:
            raise SpecCheckingError(f"expected seven, got {value}.")


def test_a_leaf_of_a_users_own_is_asked_every_time() -> None:
    leaf = CountingSpec()
    check = compile_check({"lucky": leaf}, where="here")
    check({"lucky": 7})
    check({"lucky": 7})
    assert leaf.calls == 2
    with pytest.raises(SpecCheckingError, match="'lucky' expected seven, got 8"):
        check({"lucky": 8})


class CountingTensor:
    """A tensor that counts how often its dtype is read."""

    def __init__(self, batch: int) -> None:
        self.shape, self.reads = (batch, 3), 0

    @property
    def dtype(self) -> str:
        self.reads += 1
        return "float32"


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_a_known_signature_is_not_validated_in_full_whatever_the_batch_size(batch: int) -> None:
    check = compile_check({"x": TensorSpec("b, h", h=3)}, where="here")
    first, later = CountingTensor(4), CountingTensor(batch)
    check({"x": first})
    check({"x": later})
    assert first.reads > later.reads == 1


def test_endless_new_signatures_pass_and_the_last_is_known_but_not_all_are_kept() -> None:
    check = compile_check({"x": TensorSpec("b, h", h=3)}, where="here")
    classes: weakref.WeakSet[type] = weakref.WeakSet()
    for number in range(200):
        kind = type(f"Kind{number}", (), {"shape": (2, 3), "dtype": "float32"})
        classes.add(kind)
        check({"x": kind()})
    del kind
    gc.collect()
    assert len(classes) < 100
    check({"x": CountingTensor(2)})
    later = CountingTensor(2)
    check({"x": later})
    assert later.reads == 1


def test_the_error_has_all_its_parts() -> None:
    check = compile_check(SPEC, where="MyModule.forward_train (input)")
    check(good())
    with pytest.raises(SpecCheckingError) as caught:
        check(with_global(np.zeros((2, 4))))
    parts = [
        "MyModule.forward_train (input)",
        "('obs', 'global')",
        "expected a numpy.ndarray of shape ('b', 3) and dtype float32",
        "got a numpy.ndarray of shape (2, 4) and dtype float64",
        "[('obs', 'global'), ('obs', 'any'), 'name', 'mask']",
        "spec_checks('off')",
    ]
    assert all(part in str(caught.value) for part in parts), str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_the_place_is_asked_only_when_there_is_an_error() -> None:
    asked: list[str] = []

    def where() -> str:
        asked.append("x")
        return "Late.name"

    check = compile_check(["obs"], where=where)
    check({"obs": 1})
    assert not asked
    with pytest.raises(SpecCheckingError, match=r"^Late\.name: expected the key 'obs'"):
        check({})


def test_none_checks_nothing() -> None:
    compile_check(None, where="here")(object())


@pytest.mark.parametrize(
    ("spec", "fits", "fails"),
    [
        (AnyOf(["a", "b"]), {"b": 1}, {"c": 1}),
        (AnyOf(["a", "b"]), MappingProxyType({"b": 1}), MappingProxyType({"c": 1})),
        (AnyOf(["a", "b"]), defaultdict(int, b=1), defaultdict(int)),
        (AnyOf([("a", "x"), "b"]), {"a": {"x": 1}}, {"a": {"b": 1}}),
        (AnyOf(["a", "b"]), {"a": 1}, ["a"]),
        (TypeSpec(int), 1, "x"),
        ((int, str), "x", 1.5),
        (TensorSpec("b", framework="np"), np.zeros(3), np.zeros((3, 1))),
        ({}, {"x": 1}, [1]),
        ({"x": object}, {"x": None}, {}),
        ({"x": type(None)}, {"x": None}, {}),
    ],
)
def test_a_spec_of_any_kind_can_be_compiled(spec: Any, fits: object, fails: object) -> None:
    check = compile_check(spec, where="here")
    for _ in range(2):
        check(fits)
        with pytest.raises(SpecCheckingError, match=r"^here: "):
            check(fails)


def test_an_illegal_spec_is_refused_when_it_is_compiled() -> None:
    with pytest.raises(ConfigError, match="'obs'"):
        compile_check({"obs": 3}, where="here")  # type: ignore[arg-type]


class Lazy(Mapping[str, object]):
    def __getitem__(self, key: str) -> object:
        return good()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(good())

    def __len__(self) -> int:
        return len(good())


@pytest.mark.parametrize("data", [Lazy(), MappingProxyType(good())])
def test_any_mapping_is_data(data: Mapping[str, object]) -> None:
    check = compile_check(SPEC, where="here")
    check(data)
    check(data)


def test_looking_for_a_key_does_not_add_it() -> None:
    data: defaultdict[str, Any] = defaultdict(lambda: np.zeros((1, 3)))
    check = compile_check({"x": TensorSpec("b, h", h=3), "y": None}, where="here")
    check({"x": np.zeros((1, 3)), "y": 1})
    with pytest.raises(SpecCheckingError):
        check(data)
    assert not data


def test_checking_leaves_the_data_alone() -> None:
    data = good()
    before = {**data, "obs": dict(data["obs"])}
    compile_check(SPEC, where="here")(data)
    assert data.keys() == before.keys()
    assert all(data["obs"][key] is before["obs"][key] for key in before["obs"])
