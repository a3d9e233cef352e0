"""rlmodule's PPO."""

from __future__ import annotations

import gymnasium as gym
from peers.standard import STANDARD

from rlmodule_algorithms import PPOConfig


class OurTrainer:
    """rlmodule-algorithms with the PyTorch backend; `native` uses the vector environment that CartPole comes with."""

    def __init__(self, seed: int, *, native: bool) -> None:
        # A function hides the id, and with it the environment's own vector entry point.
        source = STANDARD.env_id if native else lambda _: gym.make(STANDARD.env_id)
        self._algorithm = (
            PPOConfig()
            .environment(source)
            .env_runners(num_envs_per_env_runner=STANDARD.num_envs)
            .training(
                lr=STANDARD.lr,
                gamma=STANDARD.gamma,
                lambda_=STANDARD.lambda_,
                train_batch_size=STANDARD.rows,
                minibatch_size=STANDARD.minibatch,
                num_epochs=STANDARD.epochs,
                clip_param=STANDARD.clip,
                vf_loss_coeff=STANDARD.value_coeff,
                entropy_coeff=STANDARD.entropy_coeff,
                grad_clip=STANDARD.grad_norm,
                use_kl_loss=False,
                model={"fcnet_hiddens": list(STANDARD.hidden), "fcnet_activation": "tanh"},
            )
            .debugging(seed=seed)
            .build()
        )
        self._recent: float | None = None

    def iterate(self) -> int:
        result = self._algorithm.train()["env_runners"]
        if result["num_episodes_lifetime"] >= 100:
            self._recent = result["episode_return_mean"]
        return int(result["num_env_steps_sampled"])

    def recent_return(self) -> float | None:
        return self._recent

    def close(self) -> None:
        self._algorithm.stop()
