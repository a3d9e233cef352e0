from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector.utils import concatenate, create_empty_array
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_core import (
    Columns,
    PreviousInputs,
    RLModuleConfig,
    UnsupportedSpaceError,
    encode_previous_actions,
    encoded_width,
)
from rlmodule_core.numpy_backend import NumpyRLModule
from rlmodule_core.spaces import map_leaves, to_mappings

NESTED = gym.spaces.Dict(
    {
        "aim": gym.spaces.Box(-2.0, 2.0, (2, 1), np.float64),
        "go": gym.spaces.Tuple(
            (gym.spaces.Discrete(3, start=-1), gym.spaces.MultiDiscrete([[2], [3]], start=[[4], [0]]))
        ),
        "flags": gym.spaces.MultiBinary((1, 2)),
    }
)
LEAVES: list[tuple[Any, dict[Any, list[float]]]] = [
    (gym.spaces.Discrete(3, start=-1), {-1: [1, 0, 0], 0: [0, 1, 0], 1: [0, 0, 1]}),
    (gym.spaces.MultiBinary(2), {(0, 0): [1, 0, 1, 0], (1, 0): [0, 1, 1, 0], (1, 1): [0, 1, 0, 1]}),
    (gym.spaces.MultiDiscrete([2, 3], start=[4, 0]), {(4, 2): [1, 0, 0, 0, 1], (5, 0): [0, 1, 1, 0, 0]}),
    (gym.spaces.Box(-2.0, 2.0, (2,)), {(0.5, -1.5): [0.5, -1.5]}),
    (gym.spaces.Box(-2.0, 2.0, ()), {0.5: [0.5]}),
]


@pytest.mark.parametrize(("space", "known"), LEAVES, ids=str)
def test_every_action_has_its_code_and_none_at_an_episode_s_start(space: Any, known: Any):
    actions, codes = np.array(list(known)), np.array(list(known.values()), np.float32)
    going_on = np.zeros(len(actions), bool)
    found = encode_previous_actions(space, actions, going_on)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, codes)
    assert encoded_width(space) == codes.shape[1]
    assert not encode_previous_actions(space, actions, ~going_on).any()


@given(st.lists(st.booleans(), min_size=1, max_size=6), st.integers(0, 2**16))
def test_nested_actions_are_the_codes_of_their_leaves_one_behind_the_other(starts: list[bool], seed: int):
    NESTED.seed(seed)
    empty: Any = create_empty_array(NESTED, len(starts))
    actions = to_mappings(NESTED, concatenate(NESTED, [NESTED.sample() for _ in starts], empty))
    at_start = np.array(starts)
    found = encode_previous_actions(NESTED, actions, at_start)
    parts = {
        "flags": (NESTED["flags"], actions["flags"]),
        "0": (NESTED["go"][0], actions["go"]["0"]),
        "1": (NESTED["go"][1], actions["go"]["1"]),
        "aim": (NESTED["aim"], actions["aim"]),
    }
    order = [key for key in ("aim", "flags", "go") if key in NESTED.spaces]
    expected = []
    for key in order:
        for name in ("0", "1") if key == "go" else (key,):
            expected.append(encode_previous_actions(*parts[name], at_start))
    np.testing.assert_array_equal(found, np.concatenate(expected, axis=-1))
    assert encoded_width(NESTED) == found.shape[-1] == 2 + 4 + 3 + 5
    # Sequences [1, B, ...] are encoded as batches are.
    sequences = map_leaves(lambda leaf: leaf[None], actions)
    np.testing.assert_array_equal(encode_previous_actions(NESTED, sequences, at_start[None])[0], found)


def test_what_is_no_number_before_an_episode_s_start_does_not_matter():
    box = gym.spaces.Box(-1.0, 1.0, (2,))
    assert not encode_previous_actions(box, np.full((3, 2), np.nan), np.ones(3, bool)).any()
    mixed = encode_previous_actions(box, np.array([[np.nan, 1], [1, 2]]), np.array([True, False]))
    assert mixed.tolist() == [[0, 0], [1, 2]]
    assert not encode_previous_actions(box, None, np.ones((2, 3), bool)).any()


class Asking(NumpyRLModule):
    asked: tuple[str, ...] = ()

    def input_specs_train(self) -> Any:
        return ["obs", *self.asked]

    def _forward_train(self, batch: Any) -> Any:
        return {}

    _forward_exploration = _forward_inference = _forward_train


@pytest.mark.parametrize("asked", [(), ("prev_actions",), ("prev_rewards",), ("prev_actions", "prev_rewards")])
def test_a_module_is_told_what_its_specs_ask_for(asked: tuple[str, ...]):
    module = type("Asks", (Asking,), {"asked": asked})(RLModuleConfig(action_space=gym.spaces.Discrete(2)))
    previous = PreviousInputs.of(module, module.input_specs_train())
    assert bool(previous) is bool(asked)
    columns = previous.columns(np.array([1, 0, 1]), np.array([0.5, np.inf, -2.0]), np.array([False, True, False]))
    assert columns.keys() == set(asked)
    if Columns.PREV_ACTIONS in asked:
        assert columns[Columns.PREV_ACTIONS].tolist() == [[0, 1], [0, 0], [0, 1]]
    if Columns.PREV_REWARDS in asked:
        assert columns[Columns.PREV_REWARDS].tolist() == [0.5, 0, -2]
        assert columns[Columns.PREV_REWARDS].dtype == np.float32


@pytest.mark.parametrize("space", [None, gym.spaces.Text(2), gym.spaces.Dict(a=gym.spaces.Text(2))])
def test_actions_without_a_code_are_refused_where_they_are_asked_for(space: Any):
    module = type("Asks", (Asking,), {"asked": ("prev_actions",)})(RLModuleConfig(action_space=space))
    with pytest.raises(UnsupportedSpaceError, match=r"Asks asks for prev_actions\. .* got (None|Text)"):
        PreviousInputs.of(module, module.input_specs_train())
    assert not PreviousInputs.of(module, ["obs"])
