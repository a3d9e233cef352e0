from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import Policy, RLModuleConfig, SpecCheckingError, compute_actions, distribution_for, get_backend
from rlmodule_core.numpy_backend import NumpyRLModule

OBS = gym.spaces.Dict(
    {
        "camera": gym.spaces.Box(0, 255, (2, 2), np.uint8),
        "rest": gym.spaces.Tuple([gym.spaces.Discrete(4, start=1), gym.spaces.Box(-9.0, 9.0, (1,))]),
    }
)
ACTIONS = gym.spaces.Tuple(
    [gym.spaces.Discrete(3, start=1), gym.spaces.Dict({"push": gym.spaces.Box(-2.0, 6.0, (1,))})]
)
CONFIG = RLModuleConfig(OBS, ACTIONS)


class Oracle(NumpyRLModule):
    """Inputs that follow from every leaf of the observation: three logits, a mean and a log standard deviation."""

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        camera, rest = batch["obs"]["camera"], batch["obs"]["rest"]
        assert (camera.dtype, rest["0"].dtype, rest["1"].dtype) == (np.uint8, np.int64, np.float32)
        logits = 9.0 * np.eye(3, dtype=np.float32)[(rest["0"] + camera[:, 0, 0]) % 3]
        return {"action_dist_inputs": np.concatenate([logits, rest["1"] / 9, np.full_like(rest["1"], -3.0)], axis=1)}

    _forward_exploration = _forward_inference = _forward_train


class Recalling(NumpyRLModule):
    """Gives the action before, one further."""

    def input_specs_inference(self) -> Any:
        return ["obs", "prev_actions"]

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        # One number for each action, none of them set at an episode's start, and the numbers of the box.
        before = np.split(batch["prev_actions"], [-1], axis=1)
        number = before[0] @ np.arange(1, before[0].shape[1] + 1)
        return {"actions": (number.astype(np.int64) + 1, {"push": before[1] + 0.5})}

    _forward_exploration = _forward_inference = _forward_train


def observations(n: int = 4) -> list[Any]:
    OBS.seed(3)
    return [OBS.sample() for _ in range(n)]


def batched(rows: list[Any]) -> Any:
    camera, number, vector = ([*parts] for parts in zip(*((row["camera"], *row["rest"]) for row in rows), strict=True))
    return {"camera": np.stack(camera), "rest": (np.array(number), np.stack(vector))}


def expected_action(obs: Any) -> tuple[int, float]:
    number, vector = obs["rest"]
    return 1 + (int(number) + int(obs["camera"][0, 0])) % 3, float(np.clip(2.0 + 4.0 * vector[0] / 9.0, -2, 6))


@pytest.mark.parametrize("explore", [True, False])
def test_one_nested_observation_gives_one_nested_action_of_the_space(explore: bool) -> None:
    for obs in observations():
        action, state, extras = Policy(Oracle(CONFIG), seed=0).compute_single_action(obs, explore=explore)
        assert ACTIONS.contains(action)
        assert state == {}
        number, push = expected_action(obs)
        assert action[0] == number or explore
        assert abs(action[1]["push"][0] - push) < (1.0 if explore else 1e-5)
        assert extras["actions"]["1"]["push"].shape == (1,)
        assert ("action_logp" in extras) is explore


def test_a_batch_gives_the_actions_of_its_rows_as_vector_environments_take_them() -> None:
    rows = observations()
    policy = Policy(Oracle(CONFIG))
    numbers, inner = policy.compute_actions(batched(rows))[0]
    found = zip(numbers.tolist(), inner["push"][:, 0].tolist(), strict=True)
    assert [(number, pytest.approx(push, abs=1e-5)) for number, push in found] == [expected_action(row) for row in rows]
    by_key = {**batched(rows), "rest": dict(zip("01", batched(rows)["rest"], strict=True))}
    assert np.array_equal(policy.compute_actions(by_key)[0][1]["push"], inner["push"])


def test_log_likelihoods_of_nested_actions_are_those_of_the_exploration_in_either_form() -> None:
    policy, obs = Policy(Oracle(CONFIG), seed=0), batched(observations())
    _, _, extras = policy.compute_actions(obs, explore=True)
    sampled = extras["actions"]
    for actions in (sampled, (sampled["0"], sampled["1"])):
        logp = policy.compute_log_likelihoods(actions, obs)
        np.testing.assert_allclose(logp, extras["action_logp"], rtol=1e-5, atol=1e-6)


def test_log_likelihoods_of_actions_that_are_not_in_the_space_are_refused_by_their_path() -> None:
    policy, obs = Policy(Oracle(CONFIG), seed=0), batched(observations(2))
    push = {"push": np.zeros((2, 1))}
    with pytest.raises(SpecCheckingError, match=r"actions\.0 of Discrete.*, which are whole numbers from 1 to 3, got"):
        policy.compute_log_likelihoods((np.array([1, 4]), push), obs)
    with pytest.raises(SpecCheckingError, match=r"actions\.1 with the keys \['push'\], got \['pull'\]"):
        policy.compute_log_likelihoods((np.array([1, 2]), {"pull": 0}), obs)


def test_an_observation_that_does_not_fit_is_named_by_its_path() -> None:
    policy, obs = Policy(Oracle(CONFIG)), observations(1)[0]
    with pytest.raises(SpecCheckingError, match=r"obs\.camera of shape \(2, 2\), got shape \(1, 2, 2\)"):
        policy.compute_single_action({**obs, "camera": obs["camera"][None]})
    batch = batched([obs, obs])
    with pytest.raises(SpecCheckingError, match=r"obs\.rest\.1 of shape \(2, 1\), got shape \(1, 1\)"):
        policy.compute_actions({**batch, "rest": (batch["rest"][0], batch["rest"][1][:1])})
    with pytest.raises(SpecCheckingError, match=r"obs with the keys \['camera', 'rest'\], got \['camera'\]"):
        policy.compute_actions({"camera": obs["camera"][None]})


def test_a_session_keeps_nested_previous_actions_and_forgets_those_that_are_reset() -> None:
    config = RLModuleConfig(gym.spaces.Discrete(2), ACTIONS)
    acting = Policy(Recalling(config)).session(2)
    for expected in (1, 2):
        numbers, inner = acting.act(np.zeros(2, np.int64))
        assert (numbers.tolist(), inner["push"].tolist()) == ([expected] * 2, [[expected / 2]] * 2)
        numbers[...], inner["push"][...] = 7, 7.0
    acting.reset([False, True])
    numbers, inner = acting.act(np.zeros(2, np.int64))
    assert (numbers.tolist(), inner["push"].tolist()) == ([3, 1], [[1.5], [0.5]])


def test_a_session_acts_on_nested_observations() -> None:
    rows = observations()
    numbers, _ = Policy(Oracle(CONFIG)).session(4).act(batched(rows))
    assert numbers.tolist() == [expected_action(row)[0] for row in rows]
    with pytest.raises(SpecCheckingError, match=r"obs\.rest\.0 of shape \(3,\), got shape \(4,\)"):
        Policy(Oracle(CONFIG)).session(3).act({**batched(rows), "camera": batched(rows)["camera"][:3]})


@pytest.mark.parametrize("explore", [True, False])
@pytest.mark.parametrize("actions", [{"0": np.ones(2)}, np.ones(2), (np.ones(2), {"push": np.ones((3, 1))})])
def test_actions_that_are_not_of_the_nested_space_are_refused(returning: Any, actions: Any, explore: bool) -> None:
    module = returning(RLModuleConfig(gym.spaces.Discrete(2), ACTIONS), actions=actions)
    with pytest.raises(SpecCheckingError, match=r"gave actions that are not of its action space .*: expected actions"):
        compute_actions(module, {"obs": np.zeros(2)}, explore=explore)


def test_tuples_become_mappings_in_the_dtypes_of_networks() -> None:
    batch = get_backend("numpy").batch(OBS, batched(observations()))
    assert batch.keys() == {"camera", "rest"}
    assert {key: part.dtype for key, part in batch["rest"].items()} == {"0": np.int64, "1": np.float32}


@pytest.mark.parametrize(
    "space", [gym.spaces.MultiDiscrete([2, 3], start=[1, 0]), gym.spaces.MultiBinary([2, 2])], ids=str
)
def test_several_counted_numbers_are_one_array(returning: Any, space: Any) -> None:
    space.seed(0)
    chosen = np.stack([space.sample() for _ in range(3)]).astype(np.int64)
    policy = Policy(returning(RLModuleConfig(space, space), actions=chosen))
    actions = policy.compute_actions(chosen)[0]
    assert all(map(space.contains, actions))
    assert actions.dtype == space.dtype
    inputs = np.zeros((3, distribution_for(space).input_dim), np.float32)
    drawing = Policy(returning(RLModuleConfig(space, space), action_dist_inputs=inputs))
    with pytest.raises(SpecCheckingError, match=r"expected actions of Multi.* which are whole numbers from"):
        drawing.compute_log_likelihoods(chosen + 9, chosen)
