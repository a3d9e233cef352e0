"""PPO as a plain loop in one file, in the manner of CleanRL (Huang et al. 2022): what one writes without a library."""

from __future__ import annotations

from statistics import mean

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from peers.standard import STANDARD
from torch import Tensor, nn
from torch.distributions import Categorical


class SingleFileTrainer:
    """SyncVectorEnv, torch.distributions and one Adam; an episode's end by the time limit counts as terminal."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        np.random.seed(seed)
        envs = SyncVectorEnv(
            [lambda: gym.make(STANDARD.env_id)] * STANDARD.num_envs, autoreset_mode=AutoresetMode.SAME_STEP
        )
        self._envs = RecordEpisodeStatistics(envs)
        self._actor, self._critic = network(2, gain=0.01), network(1, gain=1.0)
        self._parameters = [*self._actor.parameters(), *self._critic.parameters()]
        self._optimizer = torch.optim.Adam(self._parameters, lr=STANDARD.lr, eps=STANDARD.adam_eps)
        obs, _ = self._envs.reset(seed=seed)
        self._next_obs, self._next_done = torch.as_tensor(obs), torch.zeros(STANDARD.num_envs)
        grid = (STANDARD.steps, STANDARD.num_envs)
        self._obs, self._actions = torch.zeros((*grid, 4)), torch.zeros(grid, dtype=torch.int64)
        self._logp, self._rewards, self._dones, self._values = (torch.zeros(grid) for _ in range(4))

    def iterate(self) -> int:
        self._sample()
        advantages = self._advantages()
        self._learn(advantages, advantages + self._values)
        return STANDARD.rows

    def _sample(self) -> None:
        for t in range(STANDARD.steps):
            self._obs[t], self._dones[t] = self._next_obs, self._next_done
            with torch.no_grad():
                distribution = Categorical(logits=self._actor(self._next_obs))
                actions = distribution.sample()
                self._values[t] = self._critic(self._next_obs).flatten()
            self._actions[t], self._logp[t] = actions, distribution.log_prob(actions)
            obs, rewards, terminated, truncated, _ = self._envs.step(actions.numpy())
            self._rewards[t] = torch.as_tensor(rewards)
            self._next_obs = torch.as_tensor(obs)
            self._next_done = torch.as_tensor(np.logical_or(terminated, truncated), dtype=torch.float32)

    @torch.no_grad()
    def _advantages(self) -> Tensor:
        advantages = torch.zeros_like(self._rewards)
        next_value, next_done = self._critic(self._next_obs).flatten(), self._next_done
        last = torch.zeros(STANDARD.num_envs)
        for t in reversed(range(STANDARD.steps)):
            going_on = 1.0 - next_done
            delta = self._rewards[t] + STANDARD.gamma * next_value * going_on - self._values[t]
            advantages[t] = last = delta + STANDARD.gamma * STANDARD.lambda_ * going_on * last
            next_value, next_done = self._values[t], self._dones[t]
        return advantages

    def _learn(self, advantages: Tensor, targets: Tensor) -> None:
        columns = (self._obs.reshape(-1, 4), *map(torch.flatten, (self._actions, self._logp, advantages, targets)))
        indices = np.arange(STANDARD.rows)
        for _ in range(STANDARD.epochs):
            np.random.shuffle(indices)
            for start in range(0, STANDARD.rows, STANDARD.minibatch):
                rows = indices[start : start + STANDARD.minibatch]
                self._optimizer.zero_grad()
                self._loss(*(column[rows] for column in columns)).backward()
                nn.utils.clip_grad_norm_(self._parameters, STANDARD.grad_norm)
                self._optimizer.step()

    def _loss(self, obs: Tensor, actions: Tensor, old_logp: Tensor, advantages: Tensor, targets: Tensor) -> Tensor:
        distribution = Categorical(logits=self._actor(obs))
        ratio = (distribution.log_prob(actions) - old_logp).exp()
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        clipped = torch.clamp(ratio, 1 - STANDARD.clip, 1 + STANDARD.clip)
        policy_loss = torch.max(-advantages * ratio, -advantages * clipped).mean()
        value_loss = (self._critic(obs).flatten() - targets).square().mean()
        entropy = distribution.entropy().mean()
        return policy_loss + STANDARD.value_coeff * value_loss - STANDARD.entropy_coeff * entropy

    def recent_return(self) -> float | None:
        returns = self._envs.return_queue
        return float(mean(returns)) if len(returns) == 100 else None

    def close(self) -> None:
        self._envs.close()


def network(outputs: int, *, gain: float) -> nn.Sequential:
    """Two tanh layers with orthogonal weights."""
    first, second = STANDARD.hidden
    return nn.Sequential(
        _linear(4, first), nn.Tanh(), _linear(first, second), nn.Tanh(), _linear(second, outputs, gain=gain)
    )


def _linear(inputs: int, outputs: int, *, gain: float = 2**0.5) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer
