"""The graph task of the documentation: learned by its edges, and not without them."""

from __future__ import annotations

import time
from typing import Any

import graph_task
import gymnasium as gym
import numpy as np
import pytest

import rlmodule_torch  # noqa: F401 (what the encoder is written in, so that this file is left out without it)


class WithoutEdges(gym.ObservationWrapper):
    """Shows the nodes alone."""

    def __init__(self, env_config: Any = None) -> None:
        super().__init__(graph_task.TwoSteps())

    def observation(self, observation: Any) -> Any:
        return {**observation, "edges": np.zeros_like(observation["edges"])}


def test_half_of_the_answers_are_yes_and_each_is_right() -> None:
    env = graph_task.TwoSteps()
    answers = []
    for seed in range(200):
        graph, _ = env.reset(seed=seed)
        edges = graph["edges"].astype(int)
        start, goal = graph["nodes"].argmax(0)
        near = np.linalg.matrix_power(np.eye(5, dtype=int) + edges, 2)[start, goal] > 0
        answers.append(near)
        assert env.observation_space.contains(graph)
        assert env.step(np.int64(near))[1] == 1.0
    assert 70 < sum(answers) < 130


@pytest.mark.learning
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_is_learned(seed: int) -> None:
    started = time.process_time()
    assert graph_task.main(seed=seed) >= 0.95
    assert time.process_time() - started <= 60.0


@pytest.mark.learning
def test_nothing_is_learned_without_the_edges() -> None:
    algorithm = graph_task.config().environment(WithoutEdges).build()
    algorithm.train_until(max_env_steps=20_000)
    assert algorithm.evaluate(episodes=500, seed=1_000_000)["episode_return_mean"] < 0.6
    algorithm.stop()
