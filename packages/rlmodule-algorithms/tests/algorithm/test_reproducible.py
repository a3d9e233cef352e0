from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from itertools import product
from typing import Any

import numpy as np
import pytest
from own_layers import EACH_TRAINING, TRAINING

from rlmodule_algorithms import PPOConfig
from rlmodule_core.testing.global_generators import global_generators_untouched


def trained(build: Any, config: PPOConfig, iterations: int = 3) -> tuple[Any, dict[str, Any]]:
    """The results without timers, and the weights."""
    algorithm = build(config)
    results = [algorithm.train() for _ in range(iterations)]
    for result in results:
        del result["timers"]
    return results, algorithm.get_module().get_state()


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return all(np.array_equal(first[name], second[name]) for name in first)


FIRST, *OTHERS = TRAINING
KINDS = list(product(["CartPole-v1", "Pendulum-v1"], ["numpy", "module"]))
"""The first framework is asked about all; where it is alone, so is TensorFlow."""


@pytest.mark.parametrize(
    ("framework", "env", "act_with"),
    [(FIRST, *kind) for kind in KINDS] + [(other, *kind) for other in OTHERS for kind in KINDS[::3]],
)
def test_one_seed_gives_the_same_bits(small_ppo: PPOConfig, build: Any, env: str, act_with: str) -> None:
    config = small_ppo.environment(env).env_runners(act_with=act_with).evaluation(evaluation_interval=2)
    first, second = (trained(build, config) for _ in range(2))
    # As text, because the mean return before any episode has ended is not a number.
    assert str(first[0]) == str(second[0])
    assert same(first[1], second[1])


@EACH_TRAINING
def test_another_seed_gives_another_run(small_ppo: PPOConfig, build: Any) -> None:
    first, second = (trained(build, small_ppo.copy().debugging(seed=seed)) for seed in (0, 1))
    assert first[0] != second[0]
    assert not same(first[1], second[1])


@EACH_TRAINING
def test_without_a_seed_every_run_is_another(small_ppo: PPOConfig, build: Any) -> None:
    weights = [build(small_ppo.copy().debugging(seed=None)).get_module().get_state() for _ in range(2)]
    assert not same(*weights)


@contextmanager
def tensorflow_untouched() -> Iterator[None]:
    """Fail where the block draws from, or seeds, TensorFlow's own generators."""
    random = import_module("tensorflow").random
    random.set_seed(3)
    expected = random.uniform((2,)).numpy().tolist()
    random.set_seed(3)
    state = random.get_global_generator().state.numpy().tolist()
    try:
        yield
        assert random.get_global_generator().state.numpy().tolist() == state
        assert random.uniform((2,)).numpy().tolist() == expected
    finally:
        random.set_seed(None)


@EACH_TRAINING
@pytest.mark.parametrize("act_with", ["numpy", "module"])
@pytest.mark.parametrize("seed", [0, None])
def test_global_generators_are_left_alone(
    small_ppo: PPOConfig, build: Any, act_with: str, seed: int | None, framework: str
) -> None:
    own = tensorflow_untouched() if framework == "tf2" else nullcontext()
    with own, global_generators_untouched("a short run"):
        algorithm = build(small_ppo.env_runners(act_with=act_with).debugging(seed=seed))
        algorithm.train()
        algorithm.evaluate()
        algorithm.compute_single_action(np.zeros(4, np.float32), explore=True)
