from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlmodule_algorithms import PPOConfig
from rlmodule_core import UnknownIdError


def test_the_result_has_its_documented_parts(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo)
    result = [algorithm.train() for _ in range(2)][-1]
    assert result.keys() == {"iteration", "env_runners", "learners", "timers"}
    assert result["env_runners"].keys() == {
        "episode_return_mean",
        "episode_return_max",
        "num_episodes",
        "num_episodes_lifetime",
        "num_env_steps_sampled",
        "num_env_steps_sampled_lifetime",
    }
    assert result["learners"].keys() == {"default_policy"}
    assert result["iteration"] == algorithm.iteration == 2


def test_only_steps_that_count_are_counted(small_ppo: PPOConfig, build: Any) -> None:
    # CartPole's own vector environment spends a row on every reset.
    algorithm = build(small_ppo)
    first, second = (algorithm.train()["env_runners"] for _ in range(2))
    assert first["num_env_steps_sampled"] == 128 - first["num_episodes"]
    assert second["num_env_steps_sampled_lifetime"] == algorithm.env_steps
    assert algorithm.env_steps == first["num_env_steps_sampled"] + second["num_env_steps_sampled"]


def test_the_mean_return_is_over_the_last_hundred_episodes(scripted: Any, small_ppo: PPOConfig, build: Any) -> None:
    # Rewards 1 + 2 + 3 in every third episode, else 1: a hundred episodes hold 33 or 34 of the long ones.
    script = [(1, "terminated"), (1, "terminated"), (3, "terminated")]
    algorithm = build(small_ppo.environment(scripted, env_config={"script": script}))
    results = [algorithm.train()["env_runners"] for _ in range(4)]
    assert results[-1]["num_episodes_lifetime"] == sum(result["num_episodes"] for result in results) > 200
    assert 2.6 <= results[-1]["episode_return_mean"] <= 2.75
    assert results[-1]["episode_return_max"] == 6.0


def test_before_any_episode_has_ended_the_mean_return_is_not_a_number(
    scripted: Any, small_ppo: PPOConfig, build: Any
) -> None:
    algorithm = build(small_ppo.environment(scripted, env_config={"script": [(1000, "terminated")]}))
    assert np.isnan(algorithm.train()["env_runners"]["episode_return_mean"])


def test_ppo_learns_a_bandit(bandit: Any, small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo.environment(bandit).training(lr=0.02))
    for _ in range(8):
        result = algorithm.train()
    assert result["env_runners"]["episode_return_mean"] > 0.9
    assert algorithm.evaluate(episodes=20)["episode_return_mean"] == 1.0


def test_a_vector_environment_class_trains(small_ppo: PPOConfig, build: Any) -> None:
    from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv

    algorithm = build(small_ppo.environment(CartPoleVectorEnv))
    assert algorithm.train()["env_runners"]["num_episodes"] > 0


@pytest.mark.parametrize("model", [{}, {"free_log_std": True}, {"vf_share_layers": True}, {"normalize_actions": False}])
def test_box_actions_train_with_every_setting(small_ppo: PPOConfig, build: Any, model: dict[str, Any]) -> None:
    algorithm = build(small_ppo.environment("Pendulum-v1").training(model={"fcnet_hiddens": [8], **model}))
    assert np.isfinite(algorithm.train()["learners"]["default_policy"]["total_loss"])


def test_by_default_actor_and_critic_have_encoders_of_their_own(small_ppo: PPOConfig, build: Any) -> None:
    names = build(small_ppo).get_module().get_state()
    assert {name.split(".")[1] for name in names if name.startswith("encoder.")} == {"actor", "critic"}


def test_an_unknown_module_id_is_refused(small_ppo: PPOConfig, build: Any) -> None:
    with pytest.raises(UnknownIdError, match=r"'default_polcy'.*Did you mean 'default_policy'"):
        build(small_ppo).get_module("default_polcy")


def test_compute_single_action_gives_the_policys_triple(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo)
    action, state, extras = algorithm.compute_single_action(np.zeros(4, np.float32), explore=True)
    assert int(action) in (0, 1)
    assert state == {}
    assert {"action_logp", "action_dist_inputs"} <= extras.keys()
