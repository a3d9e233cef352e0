from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import (
    Bernoulli,
    Categorical,
    DiagGaussian,
    MultiCategorical,
    MultiDistribution,
    UnsupportedSpaceError,
    distribution_for,
)

S = gym.spaces


def test_discrete_actions_are_categorical():
    assert distribution_for(S.Discrete(4, start=-1)) == Categorical(4, -1)


@pytest.mark.parametrize(("shape", "dim"), [((3,), 3), ((2, 3), (2, 3)), ((), ()), ((1, 2, 1), (1, 2, 1))])
def test_real_numbers_of_any_shape_are_gaussian(shape: tuple[int, ...], dim: Any):
    for low, high in ((-1, 1), (0, np.inf), (-np.inf, np.inf)):
        assert distribution_for(S.Box(low, high, shape)) == DiagGaussian(dim)


def test_several_choices_are_categorical_each():
    space = S.MultiDiscrete(np.array([[2, 3], [4, 5]]), start=np.array([[0, 0], [1, -1]]))
    assert distribution_for(space) == MultiCategorical((2, 3, 4, 5), (0, 0, 1, -1), (2, 2))
    assert distribution_for(S.MultiDiscrete([2, 3])) == MultiCategorical((2, 3))


@pytest.mark.parametrize(("n", "dim"), [(3, 3), ([2, 3], (2, 3))])
def test_switches_are_bernoulli(n: Any, dim: Any):
    assert distribution_for(S.MultiBinary(n)) == Bernoulli(dim)


def test_parts_are_described_each_in_the_order_of_the_space():
    space = S.Dict({"z": S.Tuple((S.MultiBinary(2), S.Discrete(3))), "a": S.Box(-1, 1, (2,))})
    expected = {"a": DiagGaussian(2), "z": (Bernoulli(2), Categorical(3))}
    assert list(space.spaces) == list(expected)
    assert distribution_for(space) == MultiDistribution.of(expected)


@pytest.mark.parametrize(
    "space",
    [
        S.Box(0, 9, (3,), np.int64),
        S.Text(3),
        S.Sequence(S.Discrete(2)),
        S.Graph(S.Discrete(2), None),
        S.OneOf((S.Discrete(2), S.Discrete(3))),
        S.Dict({}),
        S.Tuple(()),
    ],
    ids=lambda space: type(space).__name__,
)
def test_other_spaces_are_refused_with_what_to_override(space: gym.Space[Any]):
    for refused in (space, S.Tuple((S.Discrete(2), S.Dict({"inside": space})))):
        with pytest.raises(UnsupportedSpaceError, match=r"Catalog\.get_action_dist_cls") as caught:
            distribution_for(refused)
        assert str(space) in str(caught.value)


def test_whole_numbers_in_a_box_are_pointed_to_a_space_that_counts():
    with pytest.raises(UnsupportedSpaceError, match=r"of int64\. Whole numbers may be a MultiDiscrete space"):
        distribution_for(S.Box(0, 9, (3,), np.int64))


@pytest.mark.parametrize("space", [S.Box(0, 1, (0,)), S.Box(0, 1, (2, 0), np.float64), S.MultiDiscrete([])], ids=str)
def test_actions_without_numbers_are_refused_by_their_space_and_part(space: gym.Space[Any]):
    for refused, where in ((space, "^"), (S.Dict(a=S.Tuple((space,))), "^In the part 'a' of the action: In the part ")):
        with pytest.raises(UnsupportedSpaceError, match=where) as caught:
            distribution_for(refused)
        assert f"the action space {space}, whose actions of shape {space.shape} hold no numbers" in str(caught.value)


@pytest.mark.parametrize(
    "space", [S.Dict(), S.Tuple(()), S.Dict({"": S.Discrete(2)}), S.Dict({3: S.Discrete(2)})], ids=str
)
def test_parts_have_texts_as_names(space: gym.Space[Any]):
    with pytest.raises(UnsupportedSpaceError, match="at least one part, and texts as keys, none of them empty"):
        distribution_for(space)
