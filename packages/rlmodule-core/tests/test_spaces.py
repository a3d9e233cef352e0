from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from gymnasium import Space, spaces
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rlmodule_core import space_from_dict, space_to_dict
from rlmodule_core.errors import CheckpointError, UnsupportedSpaceError

FLOATS = ("float16", "float32", "float64")
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")


def there_and_back(space: Space[Any]) -> Space[Any]:
    return space_from_dict(json.loads(json.dumps(space_to_dict(space), allow_nan=False)))


def assert_same(a: Space[Any], b: Space[Any]) -> None:
    """Stricter than Gymnasium's ==, which compares bounds within a tolerance and forgets orders and masks."""
    assert type(a) is type(b)
    assert a == b
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    if isinstance(a, spaces.Box) and isinstance(b, spaces.Box):
        for name in ("low", "high", "bounded_below", "bounded_above"):
            assert vars(a)[name].tobytes() == vars(b)[name].tobytes(), name
    elif isinstance(a, spaces.Discrete) and isinstance(b, spaces.Discrete):
        assert type(a.n) is type(b.n)
        assert type(a.start) is type(b.start)
    elif isinstance(a, spaces.Text) and isinstance(b, spaces.Text):
        assert a.character_list == b.character_list
    elif isinstance(a, spaces.Tuple) and isinstance(b, spaces.Tuple):
        for left, right in zip(a.spaces, b.spaces, strict=True):
            assert_same(left, right)
    elif isinstance(a, spaces.Dict) and isinstance(b, spaces.Dict):
        assert list(a.spaces) == list(b.spaces)
        assert a.sort_keys == b.sort_keys
        for key in a.spaces:
            assert_same(a.spaces[key], b.spaces[key])


@st.composite
def boxes(draw: st.DrawFn) -> spaces.Box:
    dtype = np.dtype(draw(st.sampled_from((*FLOATS, *SIGNED, *UNSIGNED, "bool"))))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    one = hnp.from_dtype(dtype, allow_nan=False)
    elements = st.just(draw(one)) if draw(st.booleans()) else one
    a, b = (draw(hnp.arrays(dtype, shape, elements=elements)) for _ in range(2))
    return spaces.Box(np.asarray(np.minimum(a, b)), np.asarray(np.maximum(a, b)), shape, dtype.type)


@st.composite
def unbounded_integer_boxes(draw: st.DrawFn) -> spaces.Box:
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
    floats = hnp.arrays(np.float64, shape, elements=st.sampled_from((-np.inf, -3.0, 0.0)))
    # Not int64: Gymnasium casts its limits through float64, which cannot hold them.
    dtype = np.dtype(draw(st.sampled_from(("int8", "int16", "int32"))))
    return spaces.Box(draw(floats).copy(), np.asarray(-draw(floats)), shape, dtype.type)


@st.composite
def discretes(draw: st.DrawFn) -> spaces.Discrete[Any]:
    dtype = np.dtype(draw(st.sampled_from(SIGNED + UNSIGNED)))
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    return spaces.Discrete(draw(st.integers(1, high)), start=draw(st.integers(low, high)), dtype=dtype)


@st.composite
def multi_discretes(draw: st.DrawFn) -> spaces.MultiDiscrete[Any]:
    dtype = np.dtype(draw(st.sampled_from(SIGNED + UNSIGNED)))
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3))
    nvec = draw(hnp.arrays(dtype, shape, elements=st.integers(1, int(np.iinfo(dtype).max))))
    return spaces.MultiDiscrete(nvec, dtype=dtype, start=draw(hnp.arrays(dtype, shape)))


sizes = st.integers(1, 5)
multi_binaries = st.one_of(sizes, st.lists(sizes, min_size=1, max_size=3)).map(spaces.MultiBinary)
texts = st.builds(
    lambda least, more, charset: spaces.Text(least + more, min_length=least, charset=charset),
    st.integers(0, 3),
    st.integers(0, 9),
    st.one_of(st.text(min_size=1), st.frozensets(st.characters(), min_size=1)),
)
leaves = st.one_of(boxes(), unbounded_integer_boxes(), discretes(), multi_discretes(), multi_binaries, texts)
keys = st.one_of(st.text(max_size=4), st.integers())


def nest(children: st.SearchStrategy[Space[Any]]) -> st.SearchStrategy[Space[Any]]:
    return st.one_of(
        st.lists(children, max_size=3).map(spaces.Tuple),
        st.lists(st.tuples(keys, children), max_size=3, unique_by=lambda pair: pair[0]).map(spaces.Dict),
        st.builds(
            lambda each, sort_keys: spaces.Dict(each, sort_keys=sort_keys),
            st.dictionaries(keys, children, max_size=3),
            st.booleans(),
        ),
    )


@given(st.recursive(leaves, nest, max_leaves=5))
def test_every_space_survives_strict_json(space: Space[Any]) -> None:
    assert_same(there_and_back(space), space)


def test_an_unbounded_integer_box_stays_unbounded() -> None:
    box = there_and_back(spaces.Box(-np.inf, np.inf, (2,), np.int64))
    assert isinstance(box, spaces.Box)
    assert not box.is_bounded("below")
    assert not box.is_bounded("above")


def test_a_uniform_box_reads_well() -> None:
    box = spaces.Box(-np.inf, 1.0, (4,), np.float32)
    assert space_to_dict(box) == {
        "type": "Box",
        "shape": [4],
        "dtype": "float32",
        "low": "-inf",
        "high": 1.0,
    }


def test_the_bytes_of_a_box_are_little_endian() -> None:
    box = spaces.Box(np.array([1, 2], np.int16), np.array([3, 3], np.int16), dtype=np.int16)
    assert space_to_dict(box)["low"] == {"base64": "AQACAA=="}


def test_zeros_of_both_signs_keep_their_signs() -> None:
    low = np.array([0.0, -0.0], np.float32)
    assert_same(there_and_back(spaces.Box(low, low + 1)), spaces.Box(low, low + 1))


def test_the_rebuilt_bounds_are_writable() -> None:
    box = there_and_back(spaces.Box(np.array([0.0, 1.0]), np.array([2.0, 2.0]), dtype=np.float64))
    assert isinstance(box, spaces.Box)
    box.low[0] = -1.0


@pytest.mark.parametrize(
    "space",
    [
        spaces.Sequence(spaces.Discrete(2)),
        spaces.Graph(spaces.Discrete(2), None),
        spaces.Dict({"a": spaces.Tuple((spaces.Sequence(spaces.Discrete(2)),))}),
        spaces.Dict({("a", "b"): spaces.Discrete(2)}),
        spaces.Box(0, 1, (2,), np.longdouble),
    ],
)
def test_an_unsupported_space_is_refused_with_itself_and_what_is_supported(space: Space[Any]) -> None:
    with pytest.raises(UnsupportedSpaceError, match=r"(?s)Expected .*, got .*save"):
        space_to_dict(space)


BOX = space_to_dict(spaces.Box(np.array([0, 1], np.int8), np.array([2, 3], np.int8), dtype=np.int8))
UNBOUNDED = space_to_dict(spaces.Box(-np.inf, np.inf, (2,), np.int8))
DISCRETE = space_to_dict(spaces.Discrete(3, start=1, dtype=np.int8))
MULTI_DISCRETE = space_to_dict(spaces.MultiDiscrete([3, 2], dtype=np.int8))
TEXT = space_to_dict(spaces.Text(3))
DICT = space_to_dict(spaces.Dict({"b": spaces.Discrete(2)}, sort_keys=False))


@pytest.mark.parametrize(
    ("whole", "damage", "named"),
    [
        (BOX, {"type": None}, "'type'"),
        (BOX, {"type": "os.system"}, "'type'"),
        (BOX, {"shape": [2, -1]}, "'shape'"),
        (BOX, {"shape": [2.0]}, "'shape'"),
        (BOX, {"shape": [10**14], "low": 0}, "'low'"),
        (BOX, {"dtype": "object"}, "'dtype'"),
        (BOX, {"dtype": "int16"}, "'low'"),
        (BOX, {"low": None}, "'low'"),
        (BOX, {"low": 0.5}, "'low'"),
        (BOX, {"low": 1000}, "'low'"),
        (BOX, {"low": {"base64": "!"}}, "'low'"),
        (BOX, {"low": {"hex": "00"}}, "'low'"),
        (BOX, {"low": 9}, "make a Box"),
        (BOX, {"bounded_below": 1}, "'bounded_below'"),
        (BOX, {"surprise": 1}, "'surprise'"),
        (UNBOUNDED, {"dtype": "float32", "low": 0.0, "high": 1.0}, "'bounded_below'"),
        (DISCRETE, {"n": 0}, "make a Discrete"),
        (DISCRETE, {"n": True}, "'n'"),
        (DISCRETE, {"n": 300}, "make a Discrete"),
        (DISCRETE, {"dtype": "float32"}, "make a Discrete"),
        (MULTI_DISCRETE, {"nvec": [3]}, "'nvec'"),
        (MULTI_DISCRETE, {"nvec": [3, 2.5]}, "'nvec'"),
        (MULTI_DISCRETE, {"start": [3, 1000]}, "'start'"),
        (MULTI_DISCRETE, {"nvec": [3, 0]}, "make a MultiDiscrete"),
        ({"type": "MultiBinary", "n": [2]}, {"n": ["2"]}, "'n'"),
        ({"type": "MultiBinary", "n": [2]}, {"n": 0}, "make a MultiBinary"),
        (TEXT, {"charset": 3}, "'charset'"),
        (TEXT, {"min_length": 4}, "make a Text"),
        ({"type": "Tuple", "spaces": [BOX]}, {"spaces": {}}, "'spaces'"),
        ({"type": "Tuple", "spaces": [BOX]}, {"spaces": [BOX, 7]}, r"'spaces\[1\]'"),
        ({"type": "Tuple", "spaces": []}, {"spaces": [{**BOX, "low": None}]}, r"'spaces\[0\]\.low'"),
        (DICT, {"spaces": [["b", BOX], ["b", BOX]]}, r"'spaces\[1\]'"),
        (DICT, {"spaces": [[None, BOX]]}, r"'spaces\[0\]'"),
        (DICT, {"spaces": [["b", {**BOX, "low": None}]]}, r"'spaces\[0\]\[1\]\.low'"),
        (DICT, {"sort_keys": 0}, "'sort_keys'"),
    ],
)
def test_a_damaged_description_is_refused_by_field(whole: dict[str, Any], damage: dict[str, Any], named: str) -> None:
    space_from_dict(whole)
    with pytest.raises(CheckpointError, match=rf"(?s)expected .*{named}.*got .*Restore"):
        space_from_dict({**whole, **damage})


@pytest.mark.parametrize("data", [None, [], "Box", 3])
def test_what_is_no_object_is_refused(data: Any) -> None:
    with pytest.raises(CheckpointError, match="expected an object that describes a space"):
        space_from_dict(data)


@pytest.mark.parametrize("described", [BOX, DISCRETE, MULTI_DISCRETE, TEXT, DICT])
def test_a_missing_field_is_refused(described: dict[str, Any]) -> None:
    for name in described.keys() - {"sort_keys"}:
        with pytest.raises(CheckpointError, match=f"'{name}'"):
            space_from_dict({key: value for key, value in described.items() if key != name})


def test_a_bottomless_description_is_refused() -> None:
    described: dict[str, Any] = dict(BOX)
    for _ in range(5000):
        described = {"type": "Tuple", "spaces": [described]}
    with pytest.raises(CheckpointError, match="nested too deeply"):
        space_from_dict(described)


def test_dtypes_of_the_rebuilt_discrete_are_those_of_the_saved_one() -> None:
    assert there_and_back(spaces.Discrete(3, dtype=np.uint8)).dtype == np.uint8
    assert there_and_back(spaces.Discrete(3)).dtype == np.int64
