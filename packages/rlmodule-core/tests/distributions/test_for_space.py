from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import Categorical, DiagGaussian, UnsupportedSpaceError, distribution_for


def test_discrete_actions_are_categorical():
    assert distribution_for(gym.spaces.Discrete(4, start=-1)) == Categorical(4, -1)


def test_real_vectors_are_gaussian():
    assert distribution_for(gym.spaces.Box(-1, 1, (3,))) == DiagGaussian(3)


@pytest.mark.parametrize(
    "space",
    [
        gym.spaces.Box(-1, 1, (2, 3)),
        gym.spaces.Box(-1, 1, ()),
        gym.spaces.Box(0, 9, (3,), np.int64),
        gym.spaces.Text(3),
    ],
)
def test_other_spaces_are_refused_with_what_to_override(space: gym.Space[Any]):
    with pytest.raises(UnsupportedSpaceError, match=r"Catalog\.get_action_dist_cls") as caught:
        distribution_for(space)
    assert str(space) in str(caught.value)
