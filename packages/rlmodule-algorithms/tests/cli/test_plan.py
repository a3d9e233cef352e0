"""What the options, the preset and the defaults decide together."""

from __future__ import annotations

import pytest

from rlmodule_algorithms.cli.arguments import TrainOptions
from rlmodule_algorithms.cli.limits import Limits
from rlmodule_algorithms.cli.plan import DEFAULT_MAX_STEPS, plan_training
from rlmodule_algorithms.presets import PRESETS
from rlmodule_core import ConfigError, UnknownIdError

PRESET = PRESETS["ppo-cartpole"]


def test_without_options_it_is_the_cartpole_preset() -> None:
    plan = plan_training(TrainOptions())
    assert (plan.algorithm, plan.env, plan.preset) == ("PPO", "CartPole-v1", PRESET.name)
    assert plan.limits == Limits(PRESET.target, PRESET.max_env_steps, PRESET.max_seconds, PRESET.stop_at)
    assert plan.final_episodes == PRESET.final_episodes
    assert (plan.config.env, plan.config.seed, plan.config.framework_name) == ("CartPole-v1", 0, "torch")


def test_options_change_the_config() -> None:
    plan = plan_training(TrainOptions(algorithm="ppo", seed=5, num_envs=4, framework="tf2"))
    assert plan.algorithm == "PPO"
    assert (plan.config.seed, plan.config.num_envs_per_env_runner, plan.config.framework_name) == (5, 4, "tf2")


def test_a_budget_of_the_users_replaces_those_of_the_preset() -> None:
    assert plan_training(TrainOptions(max_steps=7)).limits == Limits(PRESET.target, 7, None, PRESET.stop_at)
    assert plan_training(TrainOptions(max_seconds=7.0)).limits == Limits(PRESET.target, None, 7.0, PRESET.stop_at)


def test_a_target_of_the_users_keeps_the_budget_of_the_preset() -> None:
    limits = plan_training(TrainOptions(target=300.0)).limits
    assert limits == Limits(300.0, PRESET.max_env_steps, PRESET.max_seconds)


def test_another_environment_gets_the_defaults_and_its_own_threshold() -> None:
    plan = plan_training(TrainOptions(env="Acrobot-v1"))
    assert plan.preset is None
    assert plan.limits == Limits(-100.0, DEFAULT_MAX_STEPS)
    assert plan.config.env == "Acrobot-v1"
    assert plan.config.evaluation_interval is not None, "the target is about greedy episodes"


def test_an_environment_without_a_threshold_has_no_target(untargeted: str) -> None:
    assert plan_training(TrainOptions(env=untargeted)).limits.target is None


def test_a_preset_serves_another_environment_but_its_target_does_not() -> None:
    plan = plan_training(TrainOptions(preset=PRESET.name, env="Acrobot-v1"))
    assert (plan.preset, plan.config.env, plan.limits.target) == (PRESET.name, "Acrobot-v1", -100.0)


def test_a_missing_preset_names_the_nearest() -> None:
    with pytest.raises(UnknownIdError, match=r"named 'ppo-cartpol'\. Did you mean 'ppo-cartpole'\?"):
        plan_training(TrainOptions(preset="ppo-cartpol"))


def test_a_missing_algorithm_names_the_nearest() -> None:
    with pytest.raises(UnknownIdError, match=r"No algorithm is named 'pp0'. Did you mean 'PPO'\? There are: .*PPO"):
        plan_training(TrainOptions(algorithm="pp0"))


def test_a_preset_of_another_algorithm_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlmodule_core.plugins.names", lambda group: ["A2C", "PPO"])
    with pytest.raises(ConfigError, match="'ppo-cartpole' is for PPO, not for A2C"):
        plan_training(TrainOptions(algorithm="A2C", preset="ppo-cartpole"))


@pytest.mark.parametrize(
    ("num_envs", "batch_size", "rounded_from"), [(3, 2049, 2048), (7, 2051, 2048), (16, 2048, None), (5000, 5000, 2048)]
)
def test_the_train_batch_is_rounded_up_to_a_multiple_of_the_environments(
    num_envs: int, batch_size: int, rounded_from: int | None
) -> None:
    plan = plan_training(TrainOptions(num_envs=num_envs))
    plan.config.validate()
    assert (plan.config.train_batch_size, plan.rounded_from) == (batch_size, rounded_from)
    assert plan.config.fragment_length * num_envs == batch_size
