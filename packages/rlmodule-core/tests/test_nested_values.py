from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector.utils import batch_space, iterate
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_core import DiagGaussian, MultiDistribution, get_backend, to_env_actions
from rlmodule_core.spaces import (
    batch_misfit,
    from_mappings,
    illegal_leaf,
    is_nested,
    leaf_spaces,
    leaves_of,
    map_leaves,
    misfit,
    named_leaves,
    row_of,
    sub_spaces,
    to_mappings,
)

LEAVES: st.SearchStrategy[gym.Space[Any]] = st.one_of(
    st.builds(gym.spaces.Discrete, st.integers(1, 4), start=st.integers(-2, 5)),
    st.builds(lambda shape: gym.spaces.Box(-2.0, 3.0, tuple(shape)), st.lists(st.integers(1, 3), max_size=2)),
    st.builds(lambda shape: gym.spaces.Box(0, 255, tuple(shape), np.uint8), st.lists(st.integers(1, 3), max_size=2)),
    st.builds(gym.spaces.MultiDiscrete, st.lists(st.integers(1, 4), min_size=1, max_size=3)),
    st.builds(gym.spaces.MultiBinary, st.lists(st.integers(1, 3), min_size=1, max_size=2)),
)
SPACES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("abcd"), inner, min_size=1, max_size=3).map(gym.spaces.Dict),
        st.lists(inner, min_size=1, max_size=3).map(gym.spaces.Tuple),
    ),
    max_leaves=6,
)


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return type(other) is dict and list(one) == list(other) and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return type(other) is tuple and len(one) == len(other) and all(map(equal, one, other))
    return np.array_equal(one, other) and np.asarray(one).dtype == np.asarray(other).dtype


def is_inside(value: Any) -> bool:
    return all(map(is_inside, value.values())) if isinstance(value, dict) else not isinstance(value, tuple | list)


@pytest.mark.filterwarnings("ignore:.*Casting input x to numpy array")
@settings(max_examples=60, deadline=None)
@given(space=SPACES, seed=st.integers(0, 99))
def test_values_go_inside_and_come_back_as_the_space_has_them(space: Any, seed: int) -> None:
    space.seed(seed)
    value = space.sample()
    inside = to_mappings(space, value)
    assert is_inside(inside)
    assert equal(to_mappings(space, inside), inside)
    assert len(leaves_of(inside)) == len(list(leaf_spaces(space)))
    assert space.contains(from_mappings(space, inside))
    assert equal(from_mappings(space, inside), value)


@pytest.mark.filterwarnings("ignore:.*Casting input x to numpy array")
@settings(max_examples=60, deadline=None)
@given(space=SPACES, seed=st.integers(0, 99))
def test_a_batch_is_converted_leaf_by_leaf_and_its_rows_are_the_values(space: Any, seed: int) -> None:
    batched = batch_space(space, 3)
    batched.seed(seed)
    given_batch = batched.sample()
    batch = get_backend("numpy").batch(space, given_batch)
    assert misfit("obs", space, given_batch, (3,)) is None
    assert misfit("obs", space, batch, (3,)) is None
    assert illegal_leaf("obs", space, batch) is None
    for (_, part), leaf in zip(leaf_spaces(space), leaves_of(batch), strict=True):
        assert leaf.shape == (3, *(part.shape or ()))
        assert leaf.dtype == (np.float32 if part.dtype == np.float32 else leaf.dtype)
        assert leaf.dtype in (np.float32, np.int64, np.uint8)
    rows = list(iterate(batched, to_env_actions(None, space, batch)))
    for index, row in enumerate(rows):
        assert space.contains(row)
        assert equal(to_mappings(space, row), row_of(to_mappings(space, given_batch), index))


NESTED = gym.spaces.Dict(
    {
        "b": gym.spaces.Tuple([gym.spaces.MultiDiscrete([2, 3], start=[1, -1]), gym.spaces.MultiBinary(2)]),
        "a": gym.spaces.Discrete(3, start=2),
    }
)


def test_the_order_is_the_space_s_own_and_names_are_joined_by_dots() -> None:
    assert [path for path, _ in leaf_spaces(NESTED)] == [("a",), ("b", "0"), ("b", "1")]
    unsorted = gym.spaces.Dict((("b", gym.spaces.Discrete(2)), ("a", gym.spaces.Discrete(2))))
    assert [path[0] for path, _ in leaf_spaces(unsorted)] == list(unsorted.spaces) == list(sub_spaces(unsorted))
    inside = to_mappings(NESTED, NESTED.sample())
    assert [name for name, _ in named_leaves({"obs": inside})] == ["obs.a", "obs.b.0", "obs.b.1"]
    assert not is_nested(gym.spaces.Discrete(2))


def test_leaves_are_mapped_in_the_structure_of_the_first() -> None:
    one = {"b": {"x": 1}, "a": 2}
    assert map_leaves(lambda left, right: left + right, one, {"b": {"x": 10}, "a": 20}) == {"b": {"x": 11}, "a": 22}
    assert map_leaves(lambda left: -left, 3) == -3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"b": (np.zeros((4, 2)), np.zeros((4, 3)))}, r"obs.b.1 of shape (4, 2), got shape (4, 3)"),
        ({"b": (np.zeros((4, 2)),)}, "obs.b with the keys ['0', '1'], got ['0']"),
        ({"b": np.zeros((4, 2))}, "obs.b with the keys ['0', '1'], got ndarray"),
        ({"a": np.zeros((3,))}, "obs.a of shape (4,), got shape (3,)"),
    ],
)
def test_a_batch_that_does_not_fit_is_named_by_its_path(change: Mapping[str, Any], said: str) -> None:
    good = {"a": np.full(4, 2), "b": (np.zeros((4, 2)), np.zeros((4, 2)))}
    assert misfit("obs", NESTED, good, (4,)) is None
    assert misfit("obs", NESTED, {**good, **change}, (4,)) == said
    assert batch_misfit("obs", NESTED, good) is None


@pytest.mark.parametrize(
    ("path", "value"), [(("a",), 5), (("a",), 1), (("b", "0"), [1, 2]), (("b", "0"), [0, 0]), (("b", "1"), [0, 2])]
)
def test_numbers_that_the_space_does_not_count_are_named_by_their_path(path: Any, value: Any) -> None:
    batch: dict[str, Any] = {
        "a": np.array([2, 4]),
        "b": {"0": np.array([[1, -1], [2, 1]]), "1": np.array([[0, 1]] * 2)},
    }
    assert illegal_leaf("actions", NESTED, batch) is None
    holder = batch if len(path) == 1 else batch["b"]
    holder[path[-1]][1] = value
    assert f"{'.'.join(('actions', *path))} of " in str(illegal_leaf("actions", NESTED, batch))


def test_the_range_of_a_small_dtype_does_not_wrap() -> None:
    space = gym.spaces.MultiDiscrete(np.array([6], np.uint8), dtype=np.uint8, start=np.array([250], np.uint8))
    assert illegal_leaf("obs", space, np.array([[250], [255]], np.uint8)) is None
    assert illegal_leaf("obs", space, np.array([[249]], np.uint8)) is not None


def test_each_part_of_a_nested_action_is_mapped_by_its_own_descriptor() -> None:
    box = gym.spaces.Box(-2.0, 6.0, (1,))
    space = gym.spaces.Tuple([box, gym.spaces.Dict({"raw": box})])
    descriptor = MultiDistribution.of((DiagGaussian(1), {"raw": DiagGaussian(1, normalize_actions=False)}))
    sampled = {"0": np.float32([[0.5]]), "1": {"raw": np.float32([[0.5]])}}
    first, second = to_env_actions(descriptor, space, sampled)
    assert (first.tolist(), second["raw"].tolist()) == ([[4.0]], [[0.5]])
    plain = to_env_actions(None, space, sampled)
    assert plain[0].tolist() == [[0.5]]
