"""The spaces that others trip over, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_algorithms import PPORLModule
from rlmodule_core import Policy, SingleAgentRLModuleSpec, UnsupportedSpaceError
from rlmodule_core.spaces import leaf_spaces

# Gymnasium hands the actions of 0-D boxes out as scalars and then warns of them.
pytestmark = pytest.mark.filterwarnings("ignore:.*Casting input x to numpy array")

_SMALL = {"fcnet_hiddens": [6], "conv_activation": "tanh"}
_VECTOR = gym.spaces.Box(-1.0, 1.0, (3,))
_ONE_NUMBER = gym.spaces.Box(-2.0, 0.5, ())
_IMAGE = gym.spaces.Box(0, 255, (5, 5, 1), np.uint8)
_CHOICES = gym.spaces.MultiDiscrete(np.array([[2, 3], [1, 4]]), start=np.array([[-1, 5], [0, 2]]))
_NO_PARTS = gym.spaces.Tuple(())


def nested(space: gym.Space[Any], levels: int) -> gym.Space[Any]:
    for level in range(levels):
        space = gym.spaces.Tuple((space,)) if level % 2 else gym.spaces.Dict(a=space, b=gym.spaces.Discrete(2))
    return space


PAIRS = {
    "a 0-D box to a 0-D box": (_ONE_NUMBER, _ONE_NUMBER),
    "a box of one number to a box of one number": (gym.spaces.Box(-1.0, 1.0, (1,)), gym.spaces.Box(0.0, 7.0, (1,))),
    "a small image to one choice only": (_IMAGE, gym.spaces.Discrete(1)),
    "nothing but one choice to a vector": (gym.spaces.Discrete(1, start=-4), _VECTOR),
    "choices far from 0 to choices below 0": (gym.spaces.Discrete(9, start=20), gym.spaces.Discrete(3, start=-7)),
    "an image beside a vector to a tuple of dicts": (
        gym.spaces.Dict(camera=_IMAGE, body=_VECTOR),
        gym.spaces.Tuple((gym.spaces.Dict(arm=_VECTOR), gym.spaces.Dict(leg=_ONE_NUMBER))),
    ),
    "choices of rank 2 to choices of rank 2": (_CHOICES, _CHOICES),
    "bits of rank 2 to bits of rank 2": (gym.spaces.MultiBinary((2, 3)), gym.spaces.MultiBinary((2, 3))),
    "thirty levels to thirty levels": (nested(_VECTOR, 30), nested(_VECTOR, 30)),
    "parts named like columns to the same": (
        gym.spaces.Dict({"obs": _VECTOR, "actions": _VECTOR, "encoder_out": gym.spaces.Dict(action_mask=_VECTOR)}),
        gym.spaces.Dict({"obs": _VECTOR, "actions": gym.spaces.Discrete(2), "action_mask": gym.spaces.MultiBinary(2)}),
    ),
    "keys that are told apart only by their escapes": (
        gym.spaces.Dict(
            {"a.b": _VECTOR, "a%2Eb": _VECTOR, "a": gym.spaces.Dict(b=_VECTOR), "%": _VECTOR, ".": _VECTOR}
        ),
        gym.spaces.Dict({"%": _VECTOR, ".": gym.spaces.Discrete(2), "é\n日": gym.spaces.Discrete(3)}),
    ),
    "one space several times to the same": (gym.spaces.Tuple((_VECTOR,) * 3), gym.spaces.Tuple((_VECTOR,) * 2)),
    "a part named like a method to an unbounded matrix": (
        gym.spaces.Dict({"forward": _VECTOR, "a.b%": gym.spaces.Tuple((_VECTOR, _IMAGE))}),
        gym.spaces.Box(-np.inf, np.inf, (2, 2)),
    ),
}

OBSERVATIONS = [
    gym.spaces.Text(4),
    gym.spaces.Graph(_VECTOR, None),
    gym.spaces.Sequence(_VECTOR),
    gym.spaces.Dict(deep=gym.spaces.Tuple((_VECTOR, gym.spaces.Text(4)))),
    _NO_PARTS,
]
ACTIONS = [gym.spaces.Text(4), gym.spaces.Graph(_VECTOR, None), gym.spaces.Sequence(_VECTOR), _NO_PARTS]


def build(observation_space: Any, action_space: Any) -> Any:
    spec = SingleAgentRLModuleSpec(PPORLModule, observation_space, action_space, _SMALL, "ppo")
    return spec.build(framework="numpy")


@pytest.mark.parametrize(("observation_space", "action_space"), PAIRS.values(), ids=PAIRS)
def test_odd_spaces_pass(pass_the_exam: Callable[..., None], observation_space: Any, action_space: Any) -> None:
    pass_the_exam(observation_space, action_space, _SMALL)


@pytest.mark.parametrize(
    "key", ["keys that are told apart only by their escapes", "one space several times to the same"]
)
def test_every_part_has_weights_of_its_own(key: str) -> None:
    observation_space, action_space = PAIRS[key]
    names = [name for name in build(observation_space, action_space).get_state() if ".inputs." in name]
    assert len(names) == 2 * len(list(leaf_spaces(observation_space)))


def test_a_single_action_of_a_box_without_axes_is_an_array_as_its_samples_are() -> None:
    space = gym.spaces.Dict(deep=gym.spaces.Tuple((_ONE_NUMBER, gym.spaces.Discrete(2))))
    action, _, _ = Policy(build(_VECTOR, space)).compute_single_action(_VECTOR.sample())
    sampled = space.sample()
    assert [type(part) for part in action["deep"]] == [type(part) for part in sampled["deep"]]
    assert action["deep"][0].shape == ()


@pytest.mark.parametrize("space", OBSERVATIONS, ids=str)
def test_observations_without_a_default_name_the_override(space: Any) -> None:
    with pytest.raises(UnsupportedSpaceError, match=r"observation space .*Supported are .*Catalog\.get_encoder_config"):
        build(space, gym.spaces.Discrete(2))


@pytest.mark.parametrize("space", ACTIONS, ids=str)
def test_actions_without_a_default_name_the_override(space: Any) -> None:
    expected = r"action space .*Supported are .*Catalog\.get_action_descriptor"
    with pytest.raises(UnsupportedSpaceError, match=expected):
        build(_VECTOR, space)


@pytest.mark.parametrize("action_space", [_ONE_NUMBER, gym.spaces.MultiDiscrete(np.array(3))], ids=["box", "choices"])
@pytest.mark.parametrize("explore", [True, False])
def test_an_action_without_axes_is_one_of_the_space(action_space: Any, explore: bool) -> None:
    action, _, _ = Policy(build(_VECTOR, action_space)).compute_single_action(_VECTOR.sample(), explore=explore)
    assert action_space.contains(action)
