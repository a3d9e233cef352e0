"""What the presets of PPO have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlmodule_algorithms.ppo.config import PPOConfig, PPOTrainingOptions
from rlmodule_algorithms.presets.preset import Preset


def ppo_preset(
    name: str,
    env: str,
    *,
    description: str,
    target: float,
    stop_at: float,
    max_env_steps: int,
    num_envs: int,
    training: PPOTrainingOptions,
    model: Mapping[str, Any] | None = None,
    normalize_rewards: bool = False,
    evaluation_duration: int = 50,
    final_episodes: int = 20,
) -> Preset:
    """A preset of PPO with two tanh layers of 64 units and without the KL loss.

    Args:
        name: of the preset.
        env: the id of the environment.
        description: what is learned.
        target: see `Preset`.
        stop_at: see `Preset`.
        max_env_steps: the budget.
        num_envs: environments side by side.
        training: options of `PPOConfig.training()` but for `model`.
        model: model settings beside those of the two layers.
        normalize_rewards: see `PPOConfig.env_runners()`.
        evaluation_duration: episodes of the greedy evaluation after every fifth iteration.
        final_episodes: see `Preset`.
    """
    others = {} if model is None else model

    def make_config() -> PPOConfig:
        config = PPOConfig().environment(env)
        config.env_runners(num_envs_per_env_runner=num_envs, normalize_rewards=normalize_rewards)
        config.training(lr=1e-3, minibatch_size=256, use_kl_loss=False, model=_small(others)).training(**training)
        return config.evaluation(evaluation_interval=5, evaluation_duration=evaluation_duration)

    return Preset(
        name=name,
        description=description,
        algorithm=PPOConfig.algorithm,
        env=env,
        make_config=make_config,
        target=target,
        stop_at=stop_at,
        max_env_steps=max_env_steps,
        max_seconds=None,
        final_episodes=final_episodes,
    )


def _small(others: Mapping[str, Any]) -> dict[str, Any]:
    return {"fcnet_hiddens": [64, 64], "fcnet_activation": "tanh", **others}
