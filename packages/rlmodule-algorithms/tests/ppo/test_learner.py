from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from own_layers import EACH_TRAINING

from rlmodule_algorithms import PPOConfig, PPORLModule
from rlmodule_core import ConfigError, SingleAgentRLModuleSpec

ID = "default_policy"


@pytest.fixture
def learner(small_ppo: PPOConfig, build: Any) -> Any:
    return build(small_ppo.training(kl_coeff=0.2, kl_target=0.01)).learner


@pytest.mark.parametrize(
    ("kl", "following"),
    [(0.0201, 0.3), (0.02, 0.2), (0.01, 0.2), (0.005, 0.2), (0.0049, 0.1)],
    ids=["above", "at twice", "on target", "at half", "below"],
)
def test_the_kl_coefficient_follows_the_thresholds(learner: Any, kl: float, following: float) -> None:
    learner.after_iteration(ID, {"mean_kl_loss": kl})
    assert learner.kl_coeffs[ID] == pytest.approx(following)
    assert learner.coefficients(ID, 0)["kl_coeff"] == pytest.approx(following)


def test_the_kl_coefficient_falls_when_the_policy_stands_still(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo.training(lr=0.0))
    found = [algorithm.train()["learners"][ID]["curr_kl_coeff"] for _ in range(3)]
    assert found == [0.2, 0.1, 0.05]


def test_the_kl_coefficient_rises_when_the_policy_runs_away(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo.training(lr=0.3, num_epochs=4))
    assert algorithm.train()["learners"][ID]["mean_kl_loss"] > 0.02
    assert algorithm.train()["learners"][ID]["curr_kl_coeff"] == pytest.approx(0.3)


def test_without_a_kl_loss_there_is_no_coefficient_and_no_penalty(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo.training(use_kl_loss=False))
    metrics = [algorithm.train() for _ in range(2)][-1]["learners"][ID]
    assert not {"mean_kl_loss", "curr_kl_coeff"} & metrics.keys()
    assert "kl_coeff" not in algorithm.learner.coefficients(ID, 0)


def test_an_entropy_that_does_not_count_is_reported_and_keeps_its_coefficient(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo.training(entropy_coeff=0.0))
    assert algorithm.learner.coefficients(ID, 0)["entropy_coeff"] == 0.0
    metrics = algorithm.train()["learners"][ID]
    assert metrics["entropy"] > 0.0
    assert metrics["curr_entropy_coeff"] == 0.0


@EACH_TRAINING
@pytest.mark.parametrize("coeff", [0.0, 0.1])
def test_a_loss_of_a_module_s_own_reads_the_entropy_coefficient(small_ppo: PPOConfig, build: Any, coeff: float) -> None:
    class Own(PPORLModule):
        def compute_loss(self, outputs: Any, batch: Any, coeffs: Any) -> Any:
            loss = self.backend.ops.mean(self.backend.ops.square(outputs["vf_preds"]))
            return loss, {"read": 0.0 * loss + coeffs["entropy_coeff"]}

    spec = SingleAgentRLModuleSpec(module_class=Own)
    result = build(small_ppo.training(entropy_coeff=coeff).rl_module(rl_module_spec=spec)).train()
    assert result["learners"][ID]["read"] == pytest.approx(coeff)


@EACH_TRAINING
def test_metrics_have_one_vocabulary(small_ppo: PPOConfig, build: Any) -> None:
    metrics = build(small_ppo).train()["learners"][ID]
    names = "total_loss policy_loss vf_loss vf_loss_unclipped vf_explained_var entropy mean_kl_loss"
    current = "curr_lr curr_kl_coeff curr_clip_param curr_entropy_coeff curr_vf_loss_coeff"
    assert metrics.keys() == {*names.split(), *current.split(), "gradients_global_norm"}
    assert all(isinstance(value, float) and np.isfinite(value) for value in metrics.values())


def test_schedules_reach_the_loss_by_environment_steps(small_ppo: PPOConfig, build: Any) -> None:
    points = [(0, 0.4), (100, 0.0)]
    learner = build(small_ppo.training(entropy_coeff=points, clip_param=points, vf_clip_param=7.0)).learner
    coeffs = learner.coefficients(ID, 50)
    assert {name: coeffs[name] for name in ("entropy_coeff", "clip_param", "vf_clip_param", "vf_loss_coeff")} == {
        "entropy_coeff": 0.2,
        "clip_param": 0.2,
        "vf_clip_param": 7.0,
        "vf_loss_coeff": 0.5,
    }


@pytest.mark.parametrize(
    ("use_kl_loss", "missing"), [(True, ["action_logp", "action_dist_inputs"]), (False, ["actions"])]
)
def test_a_batch_without_the_columns_of_the_loss_is_refused(
    small_ppo: PPOConfig, build: Any, use_kl_loss: bool, missing: list[str]
) -> None:
    learner = build(small_ppo.training(use_kl_loss=use_kl_loss)).learner
    given = {"obs", "actions", "action_logp", "action_dist_inputs", "advantages", "value_targets"} - {*missing}
    batch = {name: np.zeros((4, 2), np.float32) for name in given}
    with pytest.raises(ConfigError) as error:
        learner.update({ID: batch}, timestep=0)
    assert f"PPOLearner needs the columns {missing} of module 'default_policy'" in str(error.value)
    assert "Return 'action_dist_inputs' from _forward_exploration" in str(error.value)


@EACH_TRAINING
def test_rows_that_do_not_count_change_no_weight_even_when_they_are_not_numbers(
    small_ppo: PPOConfig, build: Any
) -> None:
    config = small_ppo.training(minibatch_size=128, num_epochs=1)
    learned = []
    for garbage in (1.0, np.nan):
        algorithm = build(config)
        batch, _ = algorithm.learner.make_batch(algorithm._runner.sample(), algorithm._acting)
        batch["loss_mask"] = np.arange(len(batch["obs"])) % 4 != 0
        for name in ("obs", "advantages", "value_targets", "action_logp", "action_dist_inputs"):
            batch[name][~batch["loss_mask"]] = garbage
        algorithm.learner.update({ID: batch}, timestep=0)
        learned.append(algorithm.get_module().get_state())
    assert all(np.array_equal(learned[0][name], learned[1][name]) for name in learned[0])
