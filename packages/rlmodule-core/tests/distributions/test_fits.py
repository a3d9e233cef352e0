from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Discrete

from rlmodule_core import (
    Bernoulli,
    Categorical,
    ConfigError,
    Descriptor,
    Deterministic,
    DiagGaussian,
    MultiCategorical,
    MultiDistribution,
    SquashedGaussian,
    distribution_for,
    get_backend,
)

SPACES = (
    gym.spaces.Discrete(3),
    gym.spaces.Discrete(3, start=1),
    gym.spaces.Box(-1, 1, (2,)),
    gym.spaces.Box(0, 1, (3,)),
    gym.spaces.Box(0, 1, (2, 1)),
    gym.spaces.Box(0, 1, ()),
    gym.spaces.MultiDiscrete([2, 2]),
    gym.spaces.MultiDiscrete([2, 2], start=[0, 1]),
    gym.spaces.MultiDiscrete(np.array([[2, 2]])),
    gym.spaces.MultiBinary(2),
    gym.spaces.MultiBinary((2, 1)),
    gym.spaces.Dict({"0": Discrete(3), "1": Discrete(2)}),
    gym.spaces.Dict({"0": Discrete(3), "2": Discrete(2)}),
    gym.spaces.Dict({"0": Discrete(3)}),
    gym.spaces.Tuple((Discrete(3), Discrete(3))),
)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_the_default_fits_its_space_and_no_other(space: gym.Space[Any]):
    assert [distribution_for(space).fits(other) for other in SPACES] == [other is space for other in SPACES]


@pytest.mark.parametrize("descriptor", [Deterministic(2), DiagGaussian(2, normalize_actions=False)], ids=str)
def test_what_gives_numbers_fits_boxes_of_its_size(descriptor: Descriptor):
    assert [descriptor.fits(space) for space in SPACES] == [space is SPACES[2] for space in SPACES]


def test_as_many_actions_from_another_start_do_not_fit():
    assert not Categorical(3, 5).fits(Discrete(3))


def test_squashed_actions_fit_boxes_of_their_bounds():
    squashed = SquashedGaussian.for_space(gym.spaces.Box(-1, 1, (2,)))
    assert [squashed.fits(space) for space in SPACES] == [space is SPACES[2] for space in SPACES]
    assert not squashed.fits(gym.spaces.Box(-1, 2, (2,)))


def test_lists_are_kept_as_tuples_so_that_descriptors_compare_and_bind():
    pairs = [
        (MultiCategorical([2, 3], start=[0, 1], shape=[2, 1]), MultiCategorical((2, 3), start=(0, 1), shape=(2, 1))),
        (SquashedGaussian([0.0], [1.0], shape=[1]), SquashedGaussian((0.0,), (1.0,))),
        (MultiDistribution(["a"], [Bernoulli(2)]), MultiDistribution(("a",), (Bernoulli(2),))),
    ]
    for given, expected in pairs:
        assert given == expected
        assert given.bind(get_backend("numpy").ops) is expected.bind(get_backend("numpy").ops)


@pytest.mark.parametrize(
    ("keys", "children"), [((), 0), (("",), 1), (("a", ""), 2), (("a", "a"), 2), (("a", "b"), 1), (("a",), 2)]
)
def test_parts_have_keys_of_their_own(keys: Any, children: int):
    with pytest.raises(ConfigError, match="a key of its own for each that is not empty"):
        MultiDistribution(keys, (Bernoulli(2),) * children)
