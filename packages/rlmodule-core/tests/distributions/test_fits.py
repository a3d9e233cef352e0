from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
from gymnasium.spaces import Discrete

from rlmodule_core import Categorical, Descriptor, Deterministic, DiagGaussian, distribution_for

SPACES = (
    gym.spaces.Discrete(3),
    gym.spaces.Discrete(3, start=1),
    gym.spaces.Box(-1, 1, (2,)),
    gym.spaces.Box(0, 1, (3,)),
)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_the_default_fits_its_space_and_no_other(space: gym.Space[Any]):
    assert [distribution_for(space).fits(other) for other in SPACES] == [other is space for other in SPACES]


@pytest.mark.parametrize("descriptor", [Deterministic(2), DiagGaussian(2, normalize_actions=False)], ids=str)
def test_what_gives_numbers_fits_boxes_of_its_size(descriptor: Descriptor):
    assert [descriptor.fits(space) for space in SPACES] == [False, False, True, False]


def test_as_many_actions_from_another_start_do_not_fit():
    assert not Categorical(3, 5).fits(Discrete(3))
