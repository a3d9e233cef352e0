from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from own_layers import EACH_TRAINING, note

from rlmodule_algorithms import AlgorithmConfig, Learner, PPOConfig
from rlmodule_core import ConfigError, NotANumberError, OptimizerSettings

ID = "default_policy"


class CloningLearner(Learner):
    """Behaviour cloning, as a user would write it: imitate the expert of the bandit."""

    def make_batch(self, rollout: Any, module: Any) -> Any:
        columns, metrics = super().make_batch(rollout, module)
        return {"obs": columns["obs"], "expert": (columns["obs"][:, 0] > 0).astype(np.int64)}, metrics

    def required_columns(self) -> tuple[str, ...]:
        return ("expert",)

    def compute_loss_for_module(
        self, module_id: str, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Mapping[str, Any]
    ) -> Any:
        dist_cls = self.module[module_id].get_train_action_dist_cls()
        logp = dist_cls.from_logits(outputs["action_dist_inputs"]).logp(batch["expert"])
        loss = -coeffs["weight"] * self.backend.ops.mean(logp)
        return loss, {"cloning_loss": loss}

    def coefficients(self, module_id: str, timestep: int) -> dict[str, float]:
        return {"weight": 2.0}

    def after_iteration(self, module_id: str, metrics: Mapping[str, float]) -> dict[str, float]:
        return {"likelihood": float(np.exp(-metrics["cloning_loss"] / 2.0))}


class CloningConfig(AlgorithmConfig):
    algorithm = "BC"

    @property
    def learner_class(self) -> type[Learner]:
        return CloningLearner


@pytest.fixture
def cloning(bandit: Any, framework: str) -> CloningConfig:
    config = CloningConfig().framework(framework).environment(bandit).debugging(seed=0)
    config.env_runners(num_envs_per_env_runner=4)
    return config.training(lr=0.02, train_batch_size=64, minibatch_size=16, num_epochs=2, model={"fcnet_hiddens": [8]})


@EACH_TRAINING
def test_a_learner_of_the_users_own_trains_through_a_config_of_its_own(cloning: Any, build: Any) -> None:
    algorithm = build(cloning)
    results = [algorithm.train()["learners"][ID] for _ in range(6)]
    assert results[0].keys() == {
        *("total_loss", "cloning_loss", "gradients_global_norm", "curr_lr", "curr_weight", "likelihood")
    }
    assert results[-1]["cloning_loss"] < 0.2 * results[0]["cloning_loss"]
    assert algorithm.evaluate(episodes=20)["episode_return_mean"] == 1.0


def test_the_options_of_another_algorithm_are_unknown_to_it(cloning: Any) -> None:
    with pytest.raises(ValueError, match=r"\.training\(\) has no option 'clip_param'"):
        cloning.training(clip_param=0.2)


@EACH_TRAINING
def test_the_learning_rate_follows_its_schedule_into_the_optimizer(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo.training(lr=[(0, 2e-3), (200, 0.0)]))
    states = [algorithm.get_module().get_state()]
    for _ in range(2):
        rate = algorithm.train()["learners"][ID]["curr_lr"]
        assert rate == pytest.approx(2e-3 * (1 - min(algorithm.env_steps, 200) / 200))
        states.append(algorithm.get_module().get_state())
    assert rate == 0.0
    first, second, third = states
    assert all((first[name] != second[name]).any() for name in first)
    assert all(np.array_equal(second[name], third[name]) for name in second)


@EACH_TRAINING
def test_a_learning_rate_of_0_changes_nothing(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo.training(lr=0.0))
    before = algorithm.get_module().get_state()
    algorithm.train()
    after = algorithm.get_module().get_state()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@EACH_TRAINING
def test_every_epoch_goes_through_all_rows_once_in_a_new_order(cloning: Any, build: Any, framework: str) -> None:
    noted: list[Any] = []

    class Watching(CloningLearner):
        def compute_loss_for_module(self, module_id: str, outputs: Any, batch: Any, coeffs: Any) -> Any:
            note(framework, noted, batch["row"])
            return super().compute_loss_for_module(module_id, outputs, batch, coeffs)

    algorithm = build(cloning)
    watching = Watching(algorithm.module, algorithm.config, np.random.default_rng(0))
    columns = {"obs": np.ones((40, 1), np.float32), "expert": np.zeros(40, np.int64), "row": np.arange(40)}
    watching.update({ID: columns}, timestep=0)
    seen = [rows for (rows,) in noted]
    assert len(seen) == 6
    assert max(map(len, seen)) <= 16
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    assert sorted(first) == sorted(second) == list(range(40))
    assert first.tolist() != second.tolist()


def test_columns_of_different_length_are_refused_by_name(cloning: Any, build: Any) -> None:
    learner = build(cloning).learner
    columns = {"obs": np.ones((4, 1), np.float32), "expert": np.zeros(3, np.int64)}
    with pytest.raises(ConfigError, match=r"equally many rows.*'obs': 4, 'expert': 3.*CloningLearner"):
        learner.update({ID: columns}, timestep=0)


def test_setup_runs_once_when_the_optimizers_are_there(cloning: Any, build: Any) -> None:
    class Counting(CloningLearner):
        def setup(self) -> None:
            self.found = [*getattr(self, "found", []), *self.optimizers]

    algorithm = build(cloning)
    assert Counting(algorithm.module, algorithm.config, np.random.default_rng(0)).found == [ID]


def test_options_that_a_config_adds_are_set_by_training() -> None:
    @dataclass
    class WithOption(CloningConfig):
        weight: float = 1.0

    assert WithOption().training(weight=3.0).weight == 3.0  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="no option 'wait'"):
        WithOption().training(wait=3.0)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="no option 'weight'"):
        WithOption().evaluation(weight=3.0)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="no option 'env'"):
        WithOption().training(env="CartPole-v1")  # type: ignore[call-arg]


@EACH_TRAINING
def test_an_optimizer_of_the_users_own_settings_is_used(cloning: Any, build: Any) -> None:
    class Heavy(CloningLearner):
        def configure_optimizer(self, module_id: str) -> Any:
            return self.backend.make_optimizer(self.module[module_id], OptimizerSettings(lr=1.0, beta1=0.5))

    algorithm = build(cloning.training(num_epochs=1))
    heavy = Heavy(algorithm.module, algorithm.config, np.random.default_rng(0))
    columns = {"obs": np.linspace(-1, 1, 16, dtype=np.float32)[:, None], "expert": np.arange(16) % 2}
    heavy.update({ID: columns}, timestep=0)
    moments = heavy.optimizers[ID].get_state()
    firsts = {name: array for name, array in moments.items() if name.endswith(".exp_avg")}
    assert firsts
    # After one step they are (1 - beta1) g and (1 - beta2) g ** 2.
    for name, first in firsts.items():
        np.testing.assert_allclose(first**2, 0.5**2 / 1e-3 * moments[f"{name}_sq"], rtol=1e-3, atol=1e-12)
    assert max(np.abs(first).max() for first in firsts.values()) > 1e-3


@EACH_TRAINING
def test_a_loss_that_is_not_a_number_stops_before_the_optimizer_steps(cloning: Any, build: Any) -> None:
    algorithm = build(cloning)
    before = algorithm.get_module().get_state()
    columns = {"obs": np.full((4, 1), np.nan, np.float32), "expert": np.zeros(4, np.int64)}
    with pytest.raises(NotANumberError, match="batch column 'obs' is not finite"):
        algorithm.learner.update({ID: columns}, timestep=0)
    after = algorithm.get_module().get_state()
    assert all(np.array_equal(before[name], after[name]) for name in before)
