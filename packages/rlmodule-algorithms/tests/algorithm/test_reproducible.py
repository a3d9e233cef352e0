from __future__ import annotations

import pickle
import random
from typing import Any

import numpy as np
import pytest
import torch

from rlmodule_algorithms import PPOConfig


def trained(build: Any, config: PPOConfig, iterations: int = 3) -> tuple[Any, dict[str, Any]]:
    """The results without timers, and the weights."""
    algorithm = build(config)
    results = [algorithm.train() for _ in range(iterations)]
    for result in results:
        del result["timers"]
    return results, algorithm.get_module().get_state()


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("act_with", ["numpy", "module"])
def test_one_seed_gives_the_same_bits(small_ppo: PPOConfig, build: Any, env: str, act_with: str) -> None:
    config = small_ppo.environment(env).env_runners(act_with=act_with).evaluation(evaluation_interval=2)
    first, second = (trained(build, config) for _ in range(2))
    # As text, because the mean return before any episode has ended is not a number.
    assert str(first[0]) == str(second[0])
    assert same(first[1], second[1])


def test_another_seed_gives_another_run(small_ppo: PPOConfig, build: Any) -> None:
    first, second = (trained(build, small_ppo.copy().debugging(seed=seed)) for seed in (0, 1))
    assert first[0] != second[0]
    assert not same(first[1], second[1])


def test_without_a_seed_every_run_is_another(small_ppo: PPOConfig, build: Any) -> None:
    weights = [build(small_ppo.copy().debugging(seed=None)).get_module().get_state() for _ in range(2)]
    assert not same(*weights)


@pytest.mark.parametrize("act_with", ["numpy", "module"])
@pytest.mark.parametrize("seed", [0, None])
def test_global_generators_are_left_alone(small_ppo: PPOConfig, build: Any, act_with: str, seed: int | None) -> None:
    def states() -> tuple[bytes, bytes, Any]:
        return pickle.dumps(np.random.get_state()), torch.get_rng_state().numpy().tobytes(), random.getstate()

    before = states()
    algorithm = build(small_ppo.env_runners(act_with=act_with).debugging(seed=seed))
    algorithm.train()
    algorithm.evaluate()
    algorithm.compute_single_action(np.zeros(4, np.float32), explore=True)
    assert states() == before


def test_the_number_of_threads_is_given_back(small_ppo: PPOConfig, build: Any) -> None:
    original = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        algorithm = build(small_ppo)
        algorithm.train()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(original)


def test_a_small_module_learns_on_one_thread(small_ppo: PPOConfig, build: Any, monkeypatch: Any) -> None:
    algorithm = build(small_ppo)
    counts: list[int] = []
    update = algorithm.learner.update
    monkeypatch.setattr(
        algorithm.learner, "update", lambda *args, **kw: counts.append(torch.get_num_threads()) or update(*args, **kw)
    )
    original = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        algorithm.train()
    finally:
        torch.set_num_threads(original)
    assert counts == [1]
