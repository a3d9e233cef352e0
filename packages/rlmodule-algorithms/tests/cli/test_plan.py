"""What the options, the preset and the defaults decide together."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlmodule_algorithms import PPOConfig
from rlmodule_algorithms.cli.limits import Limits
from rlmodule_algorithms.cli.options import TrainOptions
from rlmodule_algorithms.cli.training.goal import DEFAULT_MAX_STEPS
from rlmodule_algorithms.cli.training.plan import DEFAULT_CHECKPOINT_EVERY, plan_training
from rlmodule_algorithms.presets import PRESETS
from rlmodule_core import ConfigError, UnknownIdError, default_backend_name

PRESET = PRESETS["ppo-cartpole"]


def test_without_options_it_is_the_cartpole_preset() -> None:
    plan = plan_training(TrainOptions())
    assert (plan.algorithm, plan.env, plan.preset) == ("PPO", "CartPole-v1", PRESET.name)
    assert plan.limits == Limits(PRESET.target, PRESET.max_env_steps, PRESET.max_seconds, PRESET.stop_at)
    assert plan.final_episodes == PRESET.final_episodes
    assert (plan.config.env, plan.config.seed, plan.config.framework_name) == ("CartPole-v1", 0, default_backend_name())


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
    plan = plan_training(TrainOptions(env="MountainCar-v0"))
    assert plan.preset is None
    assert plan.limits == Limits(-110.0, DEFAULT_MAX_STEPS)
    assert plan.config.env == "MountainCar-v0"
    assert plan.config.evaluation_interval is not None, "the target is about greedy episodes"


def test_an_environment_without_a_threshold_has_no_target(untargeted: str) -> None:
    assert plan_training(TrainOptions(env=untargeted)).limits.target is None


def test_a_preset_serves_another_environment_but_its_target_does_not() -> None:
    plan = plan_training(TrainOptions(preset=PRESET.name, env="Acrobot-v1"))
    assert (plan.preset, plan.config.env, plan.limits.target) == (PRESET.name, "Acrobot-v1", -100.0)


def test_a_missing_preset_names_the_nearest() -> None:
    with pytest.raises(UnknownIdError, match=r"named 'ppo-cartpol', .* Did you mean 'ppo-cartpole'\?"):
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


@pytest.mark.parametrize("name", ["ppo-cartpole", "CartPole-v1", "cartpole-v1", "PPO-CartPole"])
def test_a_preset_is_named_by_itself_or_by_its_environment(name: str) -> None:
    assert plan_training(TrainOptions(preset=name)).preset == "ppo-cartpole"


def test_checkpoints_are_scheduled_unless_the_user_wants_none() -> None:
    assert plan_training(TrainOptions()).config.checkpoint_every == DEFAULT_CHECKPOINT_EVERY
    assert plan_training(TrainOptions(checkpoint_every=3)).config.checkpoint_every == 3
    assert plan_training(TrainOptions(checkpoint_every=0)).config.checkpoint_every is None
    assert plan_training(TrainOptions(exact_resume=True)).config.exact_resume is True
    assert plan_training(TrainOptions()).config.exact_resume is False


def test_options_win_over_the_file_and_the_file_over_the_preset(small: Path) -> None:
    plan = plan_training(TrainOptions(preset="ppo-cartpole", config=small, seed=7, max_seconds=3.0))
    assert plan.config.lr == 1e-3, "the preset's, because the file says nothing"
    assert (plan.config.train_batch_size, plan.config.num_epochs, plan.config.checkpoint_every) == (128, 1, 3)
    assert plan.config.model == {"fcnet_hiddens": [8]}
    assert (plan.seed, plan.preset, plan.file) == (7, "ppo-cartpole", str(small))
    assert plan.limits == Limits(501.0, None, 3.0)
    assert plan_training(TrainOptions(config=small, target=9.0)).limits == Limits(9.0, 600)


def test_a_file_alone_starts_from_the_defaults_of_the_algorithm(small: Path) -> None:
    plan = plan_training(TrainOptions(config=small))
    assert (plan.preset, plan.config.lr) == (None, PPOConfig().lr)


def test_a_file_may_name_preset_algorithm_framework_and_seed(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('algorithm = "ppo"\npreset = "CartPole-v1"\nframework = "tf2"\n[debugging]\nseed = 4\n')
    plan = plan_training(TrainOptions(config=file))
    assert (plan.algorithm, plan.preset, plan.framework, plan.seed) == ("PPO", "ppo-cartpole", "tf2", 4)
    assert plan.limits.target == PRESET.target


def test_settings_of_the_file_s_environment_do_not_follow_to_another(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('[environment]\nenv = "CartPole-v1"\nenv_config = { max_episode_steps = 9 }\n')
    assert plan_training(TrainOptions(config=file)).config.env_config == {"max_episode_steps": 9}
    assert plan_training(TrainOptions(config=file, env="CartPole-v1")).config.env_config == {"max_episode_steps": 9}
    assert plan_training(TrainOptions(config=file, env="Acrobot-v1")).config.env_config is None
