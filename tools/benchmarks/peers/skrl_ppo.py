"""skrl's PPO."""

from __future__ import annotations

import logging
from statistics import mean
from typing import Any

import gymnasium as gym
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from peers.standard import STANDARD
from skrl import logger
from skrl.agents.torch.ppo import PPO, PPO_CFG
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import CategoricalMixin, DeterministicMixin, Model
from skrl.trainers.torch import StepTrainer
from skrl.utils import set_seed
from torch import nn
from torch.distributions import Distribution

# Importing skrl switches the validation of all distributions off, which would speed up everyone in this process.
Distribution.set_default_validate_args(__debug__)


class SkrlTrainer:
    """skrl's step-by-step trainer, without logging; its Adam has another epsilon, which cannot be set."""

    def __init__(self, seed: int, *, native: bool) -> None:
        logger.setLevel(logging.ERROR)
        set_seed(seed)
        mode = "vector_entry_point" if native else "sync"
        self._env = RecordEpisodeStatistics(
            gym.make_vec(STANDARD.env_id, num_envs=STANDARD.num_envs, vectorization_mode=mode)
        )
        env = wrap_env(self._env)
        spaces = (env.observation_space, env.action_space, "cpu")
        agent = PPO(
            models={"policy": _Policy(*spaces), "value": _Value(*spaces)},
            memory=RandomMemory(memory_size=STANDARD.steps, num_envs=STANDARD.num_envs, device="cpu"),
            cfg=_config(),
            observation_space=env.observation_space,
            action_space=env.action_space,
            device="cpu",
        )
        silent = {"headless": True, "disable_progressbar": True, "close_environment_at_exit": False}
        self._trainer = StepTrainer(env=env, agents=agent, cfg=silent)

    def iterate(self) -> int:
        Distribution.set_default_validate_args(False)
        try:
            for _ in range(STANDARD.steps):
                self._trainer.train()
        finally:
            Distribution.set_default_validate_args(__debug__)
        return STANDARD.rows

    def recent_return(self) -> float | None:
        returns = self._env.return_queue
        return float(mean(returns)) if len(returns) == 100 else None

    def close(self) -> None:
        self._env.close()


def _config() -> PPO_CFG:
    config = PPO_CFG(
        rollouts=STANDARD.steps,
        learning_epochs=STANDARD.epochs,
        mini_batches=STANDARD.rows // STANDARD.minibatch,
        discount_factor=STANDARD.gamma,
        gae_lambda=STANDARD.lambda_,
        learning_rate=STANDARD.lr,
        grad_norm_clip=STANDARD.grad_norm,
        ratio_clip=STANDARD.clip,
        value_clip=0.0,
        entropy_loss_scale=STANDARD.entropy_coeff,
        value_loss_scale=STANDARD.value_coeff,
    )
    config.experiment.write_interval = 0
    config.experiment.checkpoint_interval = 0
    return config


def _network(outputs: int) -> nn.Sequential:
    first, second = STANDARD.hidden
    return nn.Sequential(
        nn.Linear(4, first), nn.Tanh(), nn.Linear(first, second), nn.Tanh(), nn.Linear(second, outputs)
    )


class _Policy(CategoricalMixin, Model):
    def __init__(self, observation_space: Any, action_space: Any, device: str) -> None:
        Model.__init__(self, observation_space=observation_space, action_space=action_space, device=device)
        CategoricalMixin.__init__(self)
        self.network = _network(2)

    def compute(self, inputs: Any, role: str = "") -> tuple[Any, dict[str, Any]]:
        return self.network(inputs["observations"]), {}


class _Value(DeterministicMixin, Model):
    def __init__(self, observation_space: Any, action_space: Any, device: str) -> None:
        Model.__init__(self, observation_space=observation_space, action_space=action_space, device=device)
        DeterministicMixin.__init__(self)
        self.network = _network(1)

    def compute(self, inputs: Any, role: str = "") -> tuple[Any, dict[str, Any]]:
        return self.network(inputs["observations"]), {}
