from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_core import ConfigError, Policy, RLModuleConfig, SpecCheckingError, UnsupportedSpaceError
from rlmodule_core.numpy_backend import NumpyRLModule

SPACES = gym.spaces.Box(-9, 9, (1,)), gym.spaces.Box(-99.0, 99.0, (1,))


class Averaging(NumpyRLModule):
    """Acts by an average that forgets half of itself at every step: h <- h / 2 + obs, from 4 on."""

    def get_initial_state(self) -> Mapping[str, Any]:
        return {"h": np.full(1, 4.0)}

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        h = batch["state_in"]["h"] / 2 + batch["obs"][:, 0]
        return {"actions": h[:, None], "state_out": {"h": h}}

    _forward_exploration = _forward_inference = _forward_train


class Echoing(NumpyRLModule):
    """Acts by what it is told of the step before: 10 * action + reward + observation."""

    asked: tuple[str, ...] = ("prev_actions", "prev_rewards")

    def input_specs_inference(self) -> Any:
        return ["obs", *self.asked]

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        told = [10 * batch["prev_actions"] if "prev_actions" in batch else 0, batch["obs"]]
        told.append(batch["prev_rewards"][:, None] if "prev_rewards" in batch else 0)
        return {"actions": sum(told)}

    _forward_exploration = _forward_inference = _forward_train


def session(module_class: type[NumpyRLModule], n: int, *, explore: bool = False) -> Any:
    return Policy(module_class(RLModuleConfig(*SPACES)), seed=0).session(n, explore=explore)


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


@pytest.mark.parametrize("explore", [True, False])
def test_the_state_is_kept_from_step_to_step(explore: bool):
    acting = session(Averaging, 2, explore=explore)
    assert acting.act(column(1, 0)).tolist() == [[3], [2]]
    assert acting.act(column(1, 0)).tolist() == [[2.5], [1]]
    assert acting.act(column(0, 8)).tolist() == [[1.25], [8.5]]


def test_a_reset_puts_back_the_rows_of_the_mask_alone():
    acting = session(Averaging, 3)
    for _ in range(4):
        acting.act(column(1, 2, 3))
    acting.reset(np.array([False, True, False]))
    kept = 4 / 32 + np.array([1, 3]) * (1 + 1 / 2 + 1 / 4 + 1 / 8 + 1 / 16)
    np.testing.assert_allclose(acting.act(column(1, 2, 3))[:, 0], [kept[0], 4 / 2 + 2, kept[1]], rtol=1e-6)
    acting.reset()
    assert acting.act(column(0, 0, 0)).tolist() == [[2], [2], [2]]


_STEPS = st.lists(
    st.tuples(st.lists(st.integers(-8, 8), min_size=3, max_size=3), st.lists(st.booleans(), min_size=3, max_size=3)),
    min_size=1,
    max_size=8,
)


@given(_STEPS)
def test_a_session_acts_as_one_episode_after_another_for_each_row(steps: Any):
    together, policy = session(Averaging, 3), Policy(Averaging(RLModuleConfig(*SPACES)))
    states: list[Any] = [None] * 3
    for obs, mask in steps:
        together.reset(mask)
        actions = together.act(column(*obs))
        for row in range(3):
            before = None if mask[row] else states[row]
            alone, states[row], _ = policy.compute_single_action(column(*obs)[row], before)
            np.testing.assert_array_equal(actions[row], alone)


@given(_STEPS, st.booleans())
def test_previous_actions_and_rewards_are_those_of_the_episode(steps: Any, explore: bool):
    class Exploring(Echoing):
        input_specs_exploration = Echoing.input_specs_inference

    acting = session(Exploring, 3, explore=explore)
    previous, rewards = np.zeros(3), np.array([0.5, -1, 2])
    started = np.ones(3, bool)
    for obs, mask in steps:
        acting.reset(mask)
        started |= mask
        told = np.where(started, 0, 10 * previous + rewards)
        # Actions as sampled are kept, not as they are clipped for the environment.
        previous = told + np.array(obs)
        actions = acting.act(column(*obs), rewards)
        np.testing.assert_allclose(actions[:, 0], np.clip(previous, -99, 99), rtol=1e-5, atol=1e-4)
        started[:] = False


def test_only_what_the_phase_asks_for_is_given():
    class Curious(Echoing):
        asked = ("prev_actions",)

        def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"actions": np.full((2, 1), float(len(batch)))}

        def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            assert batch.keys() == {"obs", "prev_actions"}
            return super()._forward_inference(batch)

    assert session(Curious, 2, explore=True).act(column(0, 0)).tolist() == [[1], [1]]
    greedy = session(Curious, 2)
    greedy.act(column(1, 2))
    assert greedy.act(column(0, 0)).tolist() == [[10], [20]]


def test_previous_actions_are_as_sampled_not_as_the_environment_takes_them():
    class Curious(Echoing):
        asked = ("prev_actions",)

    acting = session(Curious, 1)
    assert acting.act(column(60)).tolist() == [[60]]
    assert acting.act(column(0)).tolist() == [[99]]
    assert acting.act(column(-5950)).tolist() == [[50]]


def test_an_action_that_is_changed_outside_stays_as_it_was_inside():
    class Counting(Echoing):
        asked = ("prev_actions",)

        def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            # One number for each action: none is set at the start, so that action 0 is told from none.
            return {"actions": (batch["prev_actions"] * (np.arange(9) + 1)).sum(axis=1).astype(np.int64)}

    acting = Policy(Counting(RLModuleConfig(SPACES[0], gym.spaces.Discrete(9)))).session(1)
    for expected in (0, 1, 2, 3):
        actions = acting.act(column(0))
        assert actions.tolist() == [expected]
        actions[...] = 7


def test_missing_rewards_are_asked_for():
    acting = session(Echoing, 2)
    acting.act(column(0, 0))
    acting.reset([True, False])
    with pytest.raises(SpecCheckingError, match=r"Echoing asks for prev_rewards: call Session\.act\(obs, rewards\)"):
        acting.act(column(0, 0))
    acting.reset()
    acting.act(column(0, 0))


def test_a_failing_step_changes_nothing():
    acting = session(Averaging, 1)
    acting.act(column(1))
    with pytest.raises(SpecCheckingError):
        acting.act(column(1, 1))
    assert acting.act(column(1)).tolist() == [[2.5]]


def test_a_stateless_module_acts_as_its_policy_does(gaussian_module: Any, obs: np.ndarray):
    for explore in (True, False):
        expected = Policy(gaussian_module, seed=2)
        acting = Policy(gaussian_module, seed=2).session(16, explore=explore)
        for _ in range(2):
            np.testing.assert_array_equal(acting.act(obs), expected.compute_actions(obs, explore=explore)[0])


@pytest.mark.parametrize("shape", [(3, 1), (2,), (2, 2), (1,)])
def test_observations_of_another_shape_are_refused(shape: tuple[int, ...]):
    with pytest.raises(SpecCheckingError) as caught:
        session(Averaging, 2).act(np.zeros(shape))
    assert all(
        text in str(caught.value) for text in ("for 2 environments", "obs of shape (2, 1)", f"got shape {shape}")
    )


def test_observations_of_a_dict_are_held_to_their_rows():
    class First(NumpyRLModule):
        def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"actions": batch["obs"]["a"][:, None]}

        _forward_exploration = _forward_inference = _forward_train

    space = gym.spaces.Dict(a=gym.spaces.Discrete(9), b=gym.spaces.Dict(c=gym.spaces.Box(0, 1, (2,))))
    acting = Policy(First(RLModuleConfig(space, SPACES[1]))).session(2)
    assert acting.act({"a": np.array([3, 4]), "b": {"c": np.zeros((2, 2))}}).tolist() == [[3], [4]]
    with pytest.raises(
        SpecCheckingError, match=r"for 2 environments and expects obs\.b\.c of shape \(2, 2\), got shape \(2,"
    ):
        acting.act({"a": np.array([3, 4]), "b": {"c": np.zeros(2)}})
    with pytest.raises(SpecCheckingError, match=r"expects obs with the keys \['a', 'b'\], got \['a'\]"):
        acting.act({"a": np.array([3, 4])})


@pytest.mark.parametrize("rewards", [1.0, np.zeros(3), np.zeros((2, 1)), ["a", "b"]])
def test_rewards_of_another_shape_are_refused(rewards: Any):
    with pytest.raises(SpecCheckingError, match=r"rewards of shape \(2,\), got shape|must hold numbers, got <U1"):
        session(Averaging, 2).act(column(0, 0), rewards)


@pytest.mark.parametrize("mask", [True, [0, 1], [True], [[True, False]], np.ones(2)])
def test_a_mask_of_another_kind_is_refused(mask: Any):
    with pytest.raises(SpecCheckingError, match=r"a mask of bool, shape \(2,\), got"):
        session(Averaging, 2).reset(mask)


def test_lists_of_different_lengths_are_refused():
    acting, ragged = session(Averaging, 2), [[1.0], [1.0, 2.0]]
    for call in (acting.act, acting.reset, lambda rewards: acting.act(column(0, 0), rewards)):
        with pytest.raises(SpecCheckingError, match=r"differ in length|lists of one length"):
            call(ragged)


@pytest.mark.parametrize("n", [0, -1, 1.5, "2", True, None])
def test_a_session_is_for_a_whole_number_of_environments(n: Any):
    with pytest.raises(ConfigError, match="whole number of environments"):
        session(Averaging, n)


def test_previous_actions_must_be_arrays():
    config = RLModuleConfig(SPACES[0], gym.spaces.Dict(a=gym.spaces.Text(2)))
    with pytest.raises(UnsupportedSpaceError, match=r"Echoing asks for prev_actions.*spaces of these, got Text\("):
        Policy(Echoing(config)).session(1)
