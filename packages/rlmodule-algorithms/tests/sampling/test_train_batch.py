from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv

from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_algorithms.sampling.train_batch import actor_critic_batch
from rlmodule_core import RLModuleConfig, SpecCheckingError, get_backend
from rlmodule_core.numpy_backend import NumpyRLModule


@pytest.fixture
def sampled(scripted: Any, echo: Any) -> tuple[Any, Any]:
    """A rollout of 4 steps of 2 environments with a truncation, and its environment."""
    env = SyncVectorEnv([lambda: scripted([(3, "truncated")])] * 2, autoreset_mode="Disabled")
    runner = Runner(env, echo(env), rng=get_backend("numpy").rng(0), fragment_length=4, seed=0)
    return runner.sample(), env


def returning(env: Any, **outputs: Any) -> NumpyRLModule:
    """A module whose forwards map each output's function over the batch."""

    class Returning(NumpyRLModule):
        calls = 0

        def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            type(self).calls += 1
            return {name: function(batch) for name, function in outputs.items()}

        _forward_exploration = _forward_inference = _forward_train

    return Returning(RLModuleConfig(env.single_observation_space, env.single_action_space))


def test_rows_are_time_major_and_every_column_has_them_all(sampled: Any, echo: Any) -> None:
    rollout, env = sampled
    columns, metrics = actor_critic_batch(rollout, echo(env), gamma=0.9, lambda_=0.9)
    assert columns.keys() == {"obs", "actions", "advantages", "value_targets"}
    assert {len(column) for column in columns.values()} == {8}
    assert columns["obs"][:, 0].tolist() == [0, 0, 1, 1, 2, 2, 10, 10]
    assert metrics.keys() == {"vf_explained_var"}


def test_all_values_come_from_one_forward(sampled: Any) -> None:
    rollout, env = sampled
    module: Any = returning(env, vf_preds=lambda batch: batch["obs"][:, 0])
    actor_critic_batch(rollout, module, gamma=0.9, lambda_=0.9)
    assert type(module).calls == 1


def test_a_module_without_values_is_refused_with_what_it_gave(sampled: Any) -> None:
    rollout, env = sampled
    module = returning(env, logits=lambda batch: batch["obs"])
    with pytest.raises(SpecCheckingError, match=r"Returning.forward_train returned \['logits'\], but its values are"):
        actor_critic_batch(rollout, module, gamma=0.9, lambda_=0.9)


def test_values_with_an_axis_too_many_are_refused_before_they_broadcast(sampled: Any) -> None:
    rollout, env = sampled
    module = returning(env, vf_preds=lambda batch: batch["obs"])
    with pytest.raises(SpecCheckingError, match=r"'vf_preds' of shape \(12, 1\) for a batch of 12, expected \(12,\)"):
        actor_critic_batch(rollout, module, gamma=0.9, lambda_=0.9)


def test_advantages_are_standardised_over_the_rows_that_count(scripted: Any, echo: Any) -> None:
    env = SyncVectorEnv([lambda: scripted([(2, "terminated")])], autoreset_mode="NextStep")
    runner = Runner(env, echo(env), rng=get_backend("numpy").rng(0), fragment_length=9, seed=0)
    columns, _ = actor_critic_batch(runner.sample(), echo(env), gamma=0.9, lambda_=0.9)
    counted = columns["advantages"][columns.get("loss_mask", slice(None))]
    assert len(counted) == 6
    assert [counted.mean(), counted.std()] == pytest.approx([0.0, 1.0], abs=1e-5)
    assert counted.dtype == np.float32
