"""stable-baselines3's PPO."""

from __future__ import annotations

from statistics import mean

from peers.standard import STANDARD
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import Logger


class SB3Trainer:
    """One `learn` call an iteration, without logging; it knows plain vector environments only."""

    def __init__(self, seed: int) -> None:
        layers = list(STANDARD.hidden)
        self._model = PPO(
            "MlpPolicy",
            make_vec_env(STANDARD.env_id, n_envs=STANDARD.num_envs, seed=seed),
            learning_rate=STANDARD.lr,
            n_steps=STANDARD.steps,
            batch_size=STANDARD.minibatch,
            n_epochs=STANDARD.epochs,
            gamma=STANDARD.gamma,
            gae_lambda=STANDARD.lambda_,
            clip_range=STANDARD.clip,
            ent_coef=STANDARD.entropy_coeff,
            vf_coef=STANDARD.value_coeff,
            max_grad_norm=STANDARD.grad_norm,
            policy_kwargs={"net_arch": {"pi": layers, "vf": layers}},
            device="cpu",
            seed=seed,
        )
        self._model.set_logger(Logger(None, []))

    def iterate(self) -> int:
        before = self._model.num_timesteps
        self._model.learn(STANDARD.rows, log_interval=None, reset_num_timesteps=False)
        return int(self._model.num_timesteps - before)

    def recent_return(self) -> float | None:
        episodes = self._model.ep_info_buffer
        return mean(float(episode["r"]) for episode in episodes) if len(episodes) == 100 else None

    def close(self) -> None:
        self._model.get_env().close()
