"""Configurations that are known to learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rlmodule_algorithms.ppo.config import PPOConfig


@dataclass(frozen=True)
class Preset:
    """A configuration with its goal and budget.

    Attributes:
        target: the mean return that fresh greedy episodes must reach.
        stop_at: the greedy mean return at which training stops. It lies above the target, because the evaluation
            that ends the training flatters the policy that it picks.
        final_episodes: episodes of the evaluation that sums the run up.
    """

    name: str
    description: str
    algorithm: str
    env: str
    make_config: Callable[[], PPOConfig]
    target: float
    stop_at: float
    max_env_steps: int | None
    max_seconds: float | None
    final_episodes: int = 20


def _ppo_cartpole() -> PPOConfig:
    return (
        PPOConfig()
        .environment("CartPole-v1")
        .env_runners(num_envs_per_env_runner=8)
        .training(
            lr=1e-3,
            train_batch_size=2048,
            minibatch_size=256,
            num_epochs=6,
            use_kl_loss=False,
            model={"fcnet_hiddens": [64, 64], "fcnet_activation": "tanh"},
        )
        .evaluation(evaluation_interval=5, evaluation_duration=30)
    )


def _ppo_acrobot() -> PPOConfig:
    # Many environments: a random policy rarely swings up, and at first no other return is seen.
    return (
        PPOConfig()
        .environment("Acrobot-v1")
        .env_runners(num_envs_per_env_runner=16)
        .training(
            lr=1e-3,
            train_batch_size=4096,
            minibatch_size=256,
            num_epochs=10,
            use_kl_loss=False,
            model={"fcnet_hiddens": [64, 64], "fcnet_activation": "tanh"},
        )
        .evaluation(evaluation_interval=5, evaluation_duration=50)
    )


def _ppo_pendulum() -> PPOConfig:
    return (
        PPOConfig()
        .environment("Pendulum-v1")
        .env_runners(num_envs_per_env_runner=4)
        .training(
            lr=1e-3,
            gamma=0.9,
            train_batch_size=4096,
            minibatch_size=256,
            num_epochs=10,
            use_kl_loss=False,
            model={"fcnet_hiddens": [64, 64], "fcnet_activation": "tanh", "free_log_std": True},
        )
        .evaluation(evaluation_interval=5, evaluation_duration=50)
    )


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            name="ppo-cartpole",
            description="PPO balances CartPole-v1",
            algorithm="PPO",
            env="CartPole-v1",
            make_config=_ppo_cartpole,
            target=475.0,
            stop_at=499.0,
            max_env_steps=500_000,
            max_seconds=None,
        ),
        Preset(
            name="ppo-acrobot",
            description="PPO swings up Acrobot-v1",
            algorithm="PPO",
            env="Acrobot-v1",
            make_config=_ppo_acrobot,
            target=-100.0,
            stop_at=-85.0,
            max_env_steps=400_000,
            max_seconds=None,
        ),
        Preset(
            name="ppo-pendulum",
            description="PPO swings up Pendulum-v1",
            algorithm="PPO",
            env="Pendulum-v1",
            make_config=_ppo_pendulum,
            target=-250.0,
            stop_at=-190.0,
            max_env_steps=200_000,
            max_seconds=None,
        ),
    )
}


def preset_for(algorithm: str, env_id: str) -> Preset | None:
    """The preset of an algorithm for an environment, if there is one."""
    fitting = (preset for preset in PRESETS.values() if (preset.algorithm, preset.env) == (algorithm, env_id))
    return next(fitting, None)
