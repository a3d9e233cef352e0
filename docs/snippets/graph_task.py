"""A task on graphs, in which the edges matter: `python graph_task.py` trains on it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from graph_catalog import GraphCatalog
from numpy.typing import NDArray

from rlmodule_algorithms import PPOConfig
from rlmodule_core import SingleAgentRLModuleSpec

Graph = dict[str, NDArray[Any]]


class TwoSteps(gym.Env[Any, Any]):
    """Is the goal two steps at most away from the start? A reward of 1 for the right answer, then another graph."""

    def __init__(self, nodes: int = 5) -> None:
        self.action_space = gym.spaces.Discrete(2)
        self.observation_space = gym.spaces.Dict(
            nodes=gym.spaces.Box(0.0, 1.0, (nodes, 2)), edges=gym.spaces.MultiBinary((nodes, nodes))
        )
        self.nodes, self.answer = nodes, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Graph, dict[str, Any]]:
        super().reset(seed=seed)
        self.answer = int(self.np_random.integers(2))
        return self.drawn(self.answer), {}

    def drawn(self, answer: int) -> Graph:
        """A graph with this answer; node 0 is the start, node 1 the goal, before they are shuffled."""
        while True:
            upper = np.triu(self.np_random.random((self.nodes, self.nodes)) < 0.3, 1)
            edges = (upper | upper.T).astype(np.int8)
            if (edges[0, 1] or edges[0] @ edges[:, 1] > 0) == bool(answer):
                order = self.np_random.permutation(self.nodes)
                marks = np.eye(self.nodes, 2, dtype=np.float32)
                return {"nodes": marks[order], "edges": edges[order][:, order]}

    def step(self, action: np.int64) -> tuple[Graph, float, bool, bool, dict[str, Any]]:
        reward = float(int(action) == self.answer)
        return self.reset()[0], reward, True, False, {}


def config(*, seed: int = 0) -> PPOConfig:
    """PPO with the catalog, which may be given by its name where its package is installed."""
    spec = SingleAgentRLModuleSpec(catalog_class=GraphCatalog, model_config_dict={"fcnet_hiddens": [32]})
    runners = PPOConfig().environment(TwoSteps).env_runners(num_envs_per_env_runner=16).debugging(seed=seed)
    training = runners.training(lr=2e-3, gamma=0.0, train_batch_size=1024, minibatch_size=128, num_epochs=6)
    return training.rl_module(rl_module_spec=spec)


def main(*, seed: int = 0) -> float:
    """Train until 95% of the answers are right; the share of right ones among 500 greedy answers."""
    algorithm = config(seed=seed).build()
    outcome = algorithm.train_until(episode_return_mean=0.95, max_env_steps=60_000)
    mean_return: float = algorithm.evaluate(episodes=500, seed=1_000_000)["episode_return_mean"]
    algorithm.stop()
    print(f"Right answers: {mean_return:.0%} after {outcome.env_steps:,} graphs, {outcome.cpu_seconds:.0f} s of CPU")
    return mean_return


if __name__ == "__main__":
    main()
