"""What modules are told of the step before, computed by hand for every autoreset mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rlmodule_algorithms import evaluate_policy
from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_algorithms.sampling.train_batch import actor_critic_batch, transitions
from rlmodule_core import Policy, RLModuleConfig, get_backend
from rlmodule_core.numpy_backend import NumpyRLModule

SCRIPT = [(2, "truncated"), (2, "terminated"), (3, "truncated")]
"""Observed: 0 1 (2, cut) | 10 11 (12, terminal) | 20 21 22 (23, cut); rewards are 1 2 | 1 2 | 1 2 3."""


class Told(NumpyRLModule):
    """Acts by the parity of what it sees; values a state at the reward before, and 10 more after action 1."""

    def input_specs_train(self) -> Any:
        return ["obs", "prev_actions", "prev_rewards"]

    input_specs_exploration = input_specs_inference = input_specs_train

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        actions = batch["obs"][..., 0].astype(np.int64) % 2
        return {"actions": actions, "vf_preds": batch["prev_rewards"] + 10.0 * batch["prev_actions"][..., 1]}

    _forward_exploration = _forward_inference = _forward_train


class ToldAndCarrying(Told):
    """The same, in sequences."""

    def get_initial_state(self) -> Mapping[str, Any]:
        return {"steps": np.zeros(())}

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        state = {"steps": batch["state_in"]["steps"] + batch["obs"].shape[1]}
        return {**super()._forward_train(batch), "state_out": state}

    _forward_exploration = _forward_inference = _forward_train


@pytest.fixture(params=[Told, ToldAndCarrying])
def told(request: Any) -> type[Told]:
    return request.param


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_values_and_columns_are_those_computed_by_hand(scripted: Any, told: type[Told], mode: AutoresetMode) -> None:
    env = SyncVectorEnv([lambda: scripted(SCRIPT)] * 2, autoreset_mode=mode)
    module = told(RLModuleConfig(env.single_observation_space, env.single_action_space, {"max_seq_len": 2}))
    steps = 7 if mode is AutoresetMode.NEXT_STEP else 5
    runner = Runner(env, module, rng=get_backend("numpy").rng(0), fragment_length=steps, seed=0)
    columns, _ = actor_critic_batch(runner.sample(), module, gamma=0.5, lambda_=0.0)
    rows = {name: of_first_env(columns, column) for name, column in columns.items() if name != "state_in"}
    assert rows["obs"] == [[0], [1], [10], [11], [20]]
    assert rows["prev_rewards"] == [0, 1, 0, 1, 0]
    assert rows["prev_actions"] == [[0, 0], [1, 0]] * 2 + [[0, 0]]
    # r + 0.5 V': 1 + 0.5 * 1 | 2 + 0.5 * 12 || 1 + 0.5 * 1 | 2 || 1 + 0.5 * 1
    assert rows["value_targets"] == [1.5, 8.0, 1.5, 2.0, 1.5]
    # The third episode goes on across the rollouts.
    later = transitions(runner.sample())
    assert of_first_env(later, later["obs"])[:3] == [[21], [22], [30]]
    assert of_first_env(later, later["prev_rewards"])[:3] == [1, 2, 0]
    assert of_first_env(later, later["prev_actions"])[:3] == [[1, 0], [0, 1], [0, 0]]
    runner.restart(0)
    anew = transitions(runner.sample())
    assert of_first_env(anew, anew["prev_actions"])[0] == [0, 0]


def of_first_env(columns: Any, column: Any) -> Any:
    """The steps of one of two environments that do the same."""
    if "loss_mask" not in columns:
        return column[::2].tolist()
    return column[::2].tolist() if column.ndim == 1 else column[::2][columns["loss_mask"][::2]].tolist()


def test_evaluation_tells_the_step_before_too(scripted: Any, told: type[Told]) -> None:
    env = scripted(SCRIPT)
    seen: list[Any] = []

    class Watching(told):  # type: ignore[misc, valid-type]
        def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            seen.append(np.concatenate([batch[key].reshape(1, -1) for key in ("obs", "prev_rewards")], axis=1)[0])
            return super()._forward_inference(batch)

    policy = Policy(Watching(RLModuleConfig(env.observation_space, env.action_space)))
    evaluate_policy(policy, lambda: scripted([(3, "terminated")]), episodes=1, seed=0)
    assert np.array(seen).tolist() == [[0, 0], [1, 1], [2, 2]]
