from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_algorithms import PPOConfig
from rlmodule_algorithms.presets import PRESETS, preset_for
from rlmodule_algorithms.tasks import TASKS

EVERY = pytest.mark.parametrize("name", PRESETS)


@EVERY
def test_a_preset_trains(name: str, build: Any) -> None:
    config = PRESETS[name].make_config().env_runners(num_envs_per_env_runner=2)
    config.training(train_batch_size=16, minibatch_size=8, num_epochs=1).evaluation(evaluation_duration=1)
    algorithm = build(config.debugging(seed=0))
    result = algorithm.train()
    assert np.isfinite([value for value in result["learners"]["default_policy"].values()]).all()
    assert algorithm.env_steps == 16


@EVERY
def test_a_preset_says_of_itself_what_its_config_is(name: str) -> None:
    preset, config = PRESETS[name], PRESETS[name].make_config()
    assert (preset.name, preset.algorithm, preset.env) == (name, config.algorithm, config.env)
    same = [name for name, each in PRESETS.items() if each.env == preset.env]
    assert preset_for(preset.algorithm, preset.env) is PRESETS[same[0]]
    assert len(same) == 1 or all(("lstm" in name, "gru" in name, "attention" in name).count(True) == 1 for name in same)
    assert config.evaluation_interval is not None, "the goal is a greedy return"
    assert preset.stop_at > preset.target
    assert preset.make_config() is not config, "who changes a config changes no preset"


@pytest.mark.parametrize("env_id", TASKS)
def test_every_task_has_a_preset_with_its_threshold_as_the_goal(env_id: str) -> None:
    preset = preset_for("PPO", env_id)
    assert preset is not None
    assert preset.target == gym.spec(env_id).reward_threshold


def test_what_has_no_preset_has_none() -> None:
    assert preset_for("PPO", "MountainCar-v0") is None
    assert preset_for("IMPALA", "CartPole-v1") is None


def test_presets_share_no_settings() -> None:
    one: Any = PRESETS["ppo-cartpole"].make_config().model
    one["fcnet_hiddens"].append(8)
    other: Any = PRESETS["ppo-acrobot"].make_config()
    assert isinstance(other, PPOConfig)
    assert other.model["fcnet_hiddens"] == [64, 64]
