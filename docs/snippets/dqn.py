"""DQN on CartPole: `python dqn.py`. Mnih et al. 2015, https://doi.org/10.1038/nature14236."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.spaces import flatdim
from numpy.typing import NDArray

from rlmodule_algorithms import AlgorithmConfig, Learner, Rollout
from rlmodule_core import DEFAULT_MODULE_ID, Columns, MLPHeadConfig, RLModule, SingleAgentRLModuleSpec, Tensor
from rlmodule_core.plans import FreeParameter, OneHot

Arrays = dict[str, NDArray[Any]]


class QNetwork(RLModule):
    """Values each action: takes the best, and explores by taking any with probability `epsilon`; in any framework."""

    config: Any  # never None in an algorithm

    def setup(self) -> None:
        inputs, self.actions = flatdim(self.config.observation_space), flatdim(self.config.action_space)
        q = MLPHeadConfig(input_dims=(inputs,), hidden_layer_dims=(64, 64), output_layer_dim=self.actions)
        self.q, self.one_hot = q.build(self.backend.name), self.backend.lower(OneHot(self.actions))
        # A weight that no loss reaches: it stays as it is set.
        self.epsilon = self.backend.lower(FreeParameter(1, initial=1.0))

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"q": self.q(batch[Columns.OBS])}

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {Columns.ACTIONS: self.backend.ops.argmax(self.q(batch[Columns.OBS]))}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        ops = self.backend.ops
        q, epsilon = ops.split(self.epsilon(self.q(batch[Columns.OBS])), (self.actions, 1))
        mixed = (1.0 - epsilon) * self.one_hot(ops.argmax(q)) + epsilon / self.actions
        return {Columns.ACTION_DIST_INPUTS: ops.log(mixed)}


class ReplayBuffer:
    """The last `capacity` rows that were added, by column."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.added, self.columns = capacity, 0, Arrays()

    def add(self, rows: Arrays) -> None:
        places = (self.added + np.arange(len(rows[Columns.OBS]))) % self.capacity
        for name, column in rows.items():
            self.columns.setdefault(name, np.zeros((self.capacity, *column.shape[1:]), column.dtype))[places] = column
        self.added += len(places)

    def sample(self, count: int, rng: np.random.Generator) -> Arrays:
        chosen = rng.integers(min(self.added, self.capacity), size=count)
        return {name: column[chosen] for name, column in self.columns.items()}


class DQNLearner(Learner):
    """Learns from replayed steps, towards the values of a target network that lags behind."""

    config: DQNConfig

    def setup(self) -> None:
        self.online: Any = self.module[DEFAULT_MODULE_ID]
        self.target = copy.deepcopy(self.online)
        self.replay = ReplayBuffer(self.config.buffer_size)
        self.iterations = 0

    def make_batch(self, rollout: Rollout, module: RLModule) -> tuple[Arrays, dict[str, float]]:
        steps, metrics = super().make_batch(rollout, module)
        self.replay.add(steps)
        epsilon = max(self.config.epsilon, 1.0 - self.replay.added / self.config.epsilon_steps)
        self.backend.set_weights(self.online.epsilon, {"value": np.array([epsilon])})
        batch = self.replay.sample(self.config.updates * self.config.minibatch_size, self.rng)
        return {**batch, "targets": self.targets(batch)}, {**metrics, "epsilon": epsilon}

    def targets(self, batch: Arrays) -> NDArray[Any]:
        new_obs = self.backend.batch(None, batch[Columns.NEW_OBS], like=self.target)
        following = self.backend.to_numpy(self.target.evaluate_train({Columns.OBS: new_obs})["q"]).max(-1)
        # A terminal state is worth nothing; an episode that was only cut would have gone on.
        return batch[Columns.REWARDS] + self.config.gamma * np.where(batch[Columns.TERMINATEDS], 0.0, following)

    def compute_loss_for_module(
        self, module_id: str, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        ops = self.backend.ops
        error = ops.gather(outputs["q"], batch[Columns.ACTIONS]) - batch["targets"]
        clipped = ops.clip(error, -1.0, 1.0)
        # Huber's loss: error ** 2 / 2 up to an error of 1, and linear from there.
        loss = ops.mean(clipped * (error - 0.5 * clipped))
        return loss, {"td_loss": loss}

    def after_iteration(self, module_id: str, metrics: Mapping[str, float]) -> dict[str, float]:
        self.iterations += 1
        if self.iterations % self.config.target_every == 0:
            self.target.set_state(self.online.get_state())
        return {}

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "iterations": self.iterations, "replayed": self.replay.added}

    def set_state(self, state: Mapping[str, Any]) -> None:
        super().set_state(state)
        self.iterations, self.replay.added = state["iterations"], state["replayed"]

    def get_arrays(self) -> dict[str, Arrays]:
        return {**super().get_arrays(), "target": self.target.get_state(), "replay": copy.deepcopy(self.replay.columns)}

    def set_arrays(self, arrays: Mapping[str, Arrays]) -> None:
        super().set_arrays(arrays)
        self.target.set_state(arrays["target"])
        self.replay.columns = copy.deepcopy(arrays["replay"])


@dataclass
class DQNConfig(AlgorithmConfig):
    """The options of every algorithm, and DQN's own."""

    algorithm = "DQN"
    learner_class = DQNLearner
    buffer_size: int = 50_000
    updates: int = 32
    target_every: int = 4
    epsilon: float = 0.05
    epsilon_steps: int = 10_000

    def default_module_spec(self) -> SingleAgentRLModuleSpec:
        return SingleAgentRLModuleSpec(module_class=QNetwork)


def main(*, seed: int = 0, max_env_steps: int = 150_000) -> float:
    """Train until 30 greedy episodes balance the pole; the mean return of 30 others."""
    config = DQNConfig(seed=seed).environment("CartPole-v1").evaluation(evaluation_interval=10, evaluation_duration=30)
    algorithm = config.training(lr=1e-3, train_batch_size=64, minibatch_size=64, num_epochs=1).build()
    outcome = algorithm.train_until(episode_return_mean=495.0, max_env_steps=max_env_steps)
    mean_return: float = algorithm.evaluate(episodes=30, seed=1_000_000)["episode_return_mean"]
    algorithm.stop()
    print(f"DQN: {mean_return:.1f} after {outcome.env_steps:,} steps and {outcome.cpu_seconds:.0f} seconds of CPU")
    return mean_return


if __name__ == "__main__":
    main()
