"""An algorithm that one framework trained goes on in another one as if nothing had happened, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comparing import require_changes_agree, require_metrics_agree
from parity_families import BOTH, TRAINING

from rlmodule_algorithms import Algorithm, PPOConfig
from rlmodule_core import DEFAULT_MODULE_ID, Policy
from rlmodule_core.spaces import leaves_of
from rlmodule_core.testing.batches import observations
from rlmodule_core.testing.compare import require_close, require_same_arrays

pytestmark = BOTH

ROWS = 6
TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "vectors": ("CartPole-v1", {"vf_share_layers": False, "normalize_observations": True}),
    "memory": ("rlmodule/Orbit-v0", {"use_lstm": True, "lstm_cell_size": 8, "lstm_use_prev_action": True}),
    "images": ("rlmodule/Harvest-v0", {"conv_activation": "tanh"}),
}
EACH_ORDER = pytest.mark.parametrize(("first", "second"), list(permutations(TRAINING, 2)))


def config(task: str, framework: str) -> PPOConfig:
    env, model = TASKS[task]
    return (
        PPOConfig()
        .environment(env)
        .framework(framework)
        # So that both sample with one and the same generator.
        .env_runners(num_envs_per_env_runner=2, act_with="numpy", normalize_rewards=True)
        .training(lr=[(0, 1e-2), (1000, 1e-3)], entropy_coeff=0.01, kl_target=1e-6)
        .training(train_batch_size=64, minibatch_size=32, num_epochs=2, model={"fcnet_hiddens": [8, 8], **model})
        .checkpointing(exact_resume=True)
        .debugging(seed=0)
    )


def state_of(algorithm: Algorithm) -> dict[str, Any]:
    """Counters, coefficients and random states, as JSON has them."""
    state: dict[str, Any] = json.loads(json.dumps(asdict(algorithm.get_state())))
    return state


def weights_of(algorithm: Algorithm) -> dict[str, Any]:
    return dict(algorithm.get_module().get_state())


def iterated(algorithm: Algorithm) -> tuple[dict[str, Any], dict[str, float]]:
    """One iteration more: how the weights changed, and the metrics."""
    before = weights_of(algorithm)
    metrics = algorithm.train()["learners"][DEFAULT_MODULE_ID]
    return {name: after.astype(np.float64) - before[name] for name, after in weights_of(algorithm).items()}, metrics


@pytest.fixture
def resume() -> Any:
    """Goes on from checkpoints, and closes the environments afterwards."""
    resumed: list[Algorithm] = []

    def go_on(directory: Path, framework: str, task: str) -> Algorithm:
        resumed.append(Algorithm.from_checkpoint(directory, config=config(task, framework)))
        return resumed[-1]

    yield go_on
    for algorithm in resumed:
        algorithm.stop()


def require_same(resumed: Algorithm, original: Algorithm) -> None:
    """Fail unless everything that training depends on is the same, arrays bit for bit."""
    require_same_arrays(weights_of(resumed), weights_of(original), "weights")
    groups, expected = resumed.learner.get_arrays(), original.learner.get_arrays()
    assert groups.keys() == expected.keys()
    for group, arrays in expected.items():
        require_same_arrays(groups[group], arrays, group)
    assert state_of(resumed) == state_of(original)


@EACH_ORDER
@pytest.mark.parametrize("task", TASKS)
def test_an_algorithm_goes_on_in_the_other_framework_and_back(
    first: str, second: str, task: str, build: Callable[[Any], Algorithm], resume: Any, tmp_path: Path
) -> None:
    original = build(config(task, first))
    for _ in range(2):
        original.train()
    original.save(tmp_path / "first")

    resumed = resume(tmp_path / "first", second, task)
    assert (resumed.get_module().framework, original.get_module().framework) == (second, first)
    require_same(resumed, original)
    moments = resumed.learner.get_arrays()[f"optimizer.{DEFAULT_MODULE_ID}"]
    assert all(array.any() for array in moments.values())
    assert state_of(resumed)["learner"]["kl_coeffs"] != {DEFAULT_MODULE_ID: config(task, first).kl_coeff}
    assert ("normalisers" in resumed.learner.get_arrays()) == ("normalize_observations" in TASKS[task][1])

    # Both sample the same steps, because they act with the same weights and random numbers in numpy.
    (expected, metrics), (found, others) = iterated(original), iterated(resumed)
    require_metrics_agree(others, metrics)
    untrained = original.get_module().backend.untrained_weights(original.get_module())
    learned = ({name: it[name] for name in it.keys() - untrained} for it in (found, expected))
    require_changes_agree(*learned, rate=metrics["curr_lr"] / 5)

    resumed.save(tmp_path / "second")
    back = resume(tmp_path / "second", first, task)
    require_same(back, resumed)
    back.train()
    back.save(tmp_path / "third")
    served = {name: Policy.from_checkpoint(tmp_path / "third", framework=name) for name in ("numpy", first, second)}
    played = {name: greedy(policy) for name, policy in served.items()}
    assert any(len(np.unique(leaf)) > 1 for leaf in played["numpy"]), "a policy that knows one action shows nothing"
    for name, actions in played.items():
        require_close_actions(actions, played["numpy"], name)


def greedy(policy: Policy) -> list[Any]:
    session = policy.session(ROWS)
    space = policy.module.config.observation_space
    return [leaf for step in range(3) for leaf in leaves_of(session.act(observations(space, rows=ROWS, seed=step)))]


def require_close_actions(found: list[Any], expected: list[Any], framework: str) -> None:
    for one, other in zip(found, expected, strict=True):
        require_close(one, other, f"actions in {framework}")
