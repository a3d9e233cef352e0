"""DQN of the documentation: its parts against closed forms, and its learning."""

from __future__ import annotations

import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from own_layers import EACH_TRAINING, TRAINING

from rlmodule_algorithms import Algorithm
from rlmodule_core import compute_actions, default_backend_name

ID = "default_policy"


@pytest.fixture
def framework() -> str:
    return default_backend_name()


@pytest.fixture
def config(dqn: ModuleType, framework: str) -> Any:
    """DQN on CartPole in a hundredth of a second per iteration."""
    small = dqn.DQNConfig(buffer_size=200, updates=2, target_every=3, epsilon_steps=100).framework(framework)
    training = {"lr": 1e-3, "train_batch_size": 32, "minibatch_size": 16, "num_epochs": 1}
    return small.environment("CartPole-v1").training(**training).debugging(seed=0)


@pytest.fixture(scope="session", params=TRAINING)
def learner(dqn: ModuleType, request: Any) -> Any:
    algorithm = dqn.DQNConfig(seed=1, gamma=0.5).framework(request.param).environment("CartPole-v1").build()
    algorithm.stop()
    trained: Any = algorithm.learner
    # As after some updates: no longer what the target network took over.
    trained.online.set_state({name: 2.0 * value for name, value in trained.online.get_state().items()})
    return trained


def batch_of(rows: int, **columns: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "new_obs": rng.normal(size=(rows, 4)).astype(np.float32),
        "rewards": rng.normal(size=rows).astype(np.float32),
        "terminateds": np.zeros(rows, np.bool_),
        "truncateds": np.zeros(rows, np.bool_),
        **columns,
    }


def same(first: Any, second: Any) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


floats = st.floats(-5, 5, width=32)


@given(arrays(np.float32, (6, 2), elements=floats), arrays(np.int64, 6, elements=st.integers(0, 1)), st.data())
def test_the_loss_is_hubers(learner: Any, q: Any, actions: Any, data: Any) -> None:
    targets = data.draw(arrays(np.float32, 6, elements=floats))
    error = np.abs(q[np.arange(6), actions].astype(np.float64) - targets)
    expected = np.mean(np.where(error <= 1, 0.5 * error**2, error - 0.5))
    native = learner.backend.batch(None, {"q": q, "actions": actions, "targets": targets})
    loss, metrics = learner.compute_loss_for_module(ID, {"q": native["q"]}, native, {})
    assert float(loss) == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert metrics["td_loss"] is loss


def test_targets_are_the_rewards_and_the_best_discounted_value_of_the_target_network(learner: Any) -> None:
    batch = batch_of(5)
    outputs = learner.target.forward_train({"obs": learner.backend.batch(None, batch["new_obs"])})
    values = learner.backend.to_numpy(learner.backend.ops.stop_gradient(outputs["q"]))
    assert learner.targets(batch) == pytest.approx(batch["rewards"] + 0.5 * values.max(-1), rel=1e-6)
    assert learner.targets(batch).dtype == np.float32


def test_only_termination_makes_the_next_state_worthless(learner: Any) -> None:
    plain = learner.targets(batch_of(3))
    ended = batch_of(3, terminateds=np.array([True, False, True]), truncateds=np.array([False, True, True]))
    assert learner.targets(ended).tolist() == [ended["rewards"][0], plain[1], ended["rewards"][2]]


@given(st.integers(1, 12), st.lists(st.integers(0, 20), max_size=6))
def test_the_buffer_holds_the_last_rows(dqn: ModuleType, capacity: int, chunks: list[int]) -> None:
    replay, added = dqn.ReplayBuffer(capacity), 0
    for size in chunks:
        rows = np.arange(added, added + size) + 1
        replay.add({"obs": np.stack([rows, -rows], -1), "rewards": 2.0 * rows})
        added += size
    assert replay.added == added
    if added:
        drawn = replay.sample(300, np.random.default_rng(0))
        assert set(drawn["obs"][:, 0]) == set(range(max(0, added - capacity) + 1, added + 1))
        assert np.array_equal(drawn["rewards"], 2.0 * drawn["obs"][:, 0])
        assert np.array_equal(drawn["obs"][:, 1], -drawn["obs"][:, 0])


@given(st.floats(0.01, 1.0))
def test_exploration_takes_any_action_with_probability_epsilon(dqn: ModuleType, learner: Any, epsilon: float) -> None:
    module, backend = learner.online, learner.backend
    backend.set_weights(module.epsilon, {"value": np.array([epsilon])})
    batch = {"obs": backend.batch(None, np.linspace(-1, 1, 20).reshape(5, 4))}
    probabilities = np.exp(backend.to_numpy(module.forward_exploration(batch)["action_dist_inputs"]))
    best = backend.to_numpy(module.forward_inference(batch)["actions"])
    values = backend.to_numpy(backend.ops.stop_gradient(module.forward_train(batch)["q"]))
    assert best.tolist() == values.argmax(-1).tolist()
    assert probabilities[np.arange(5), best] == pytest.approx(np.full(5, 1 - epsilon / 2), rel=1e-5)
    assert probabilities.sum(-1) == pytest.approx(np.ones(5), rel=1e-5)
    assert compute_actions(module, batch, explore=True)["action_logp"].shape == (5,)


@EACH_TRAINING
def test_epsilon_falls_with_the_steps_that_were_added_and_then_stays(config: Any, build: Any) -> None:
    algorithm = build(config)
    for _ in range(5):
        metrics = algorithm.train()["learners"][ID]
        expected = max(0.05, 1.0 - algorithm.learner.replay.added / 100)
        assert metrics["epsilon"] == expected
        assert algorithm.get_module().get_state()["epsilon.value"] == pytest.approx(expected)
    assert metrics["epsilon"] == 0.05


@EACH_TRAINING
def test_the_target_network_lags_behind(config: Any, build: Any) -> None:
    algorithm = build(config)
    online, target = algorithm.get_module(), algorithm.learner.target
    taken = online.get_state()
    for iteration in range(1, 7):
        algorithm.train()
        assert not same(online.get_state(), taken)
        if iteration % 3 == 0:
            taken = online.get_state()
        assert same(target.get_state(), taken)


def test_each_iteration_takes_the_updates_that_were_asked_for(config: Any, build: Any) -> None:
    algorithm = build(config)
    for iteration in (1, 2):
        algorithm.train()
        steps = algorithm.learner.get_arrays()[f"optimizer.{ID}"]["q.0.weight.step"]
        assert steps == 2 * iteration


def test_a_seed_fixes_the_whole_training(config: Any, build: Any) -> None:
    def weights(seed: int) -> Any:
        algorithm = build(config.copy().debugging(seed=seed))
        for _ in range(4):
            algorithm.train()
        return algorithm.get_module().get_state()

    assert same(weights(3), weights(3))
    assert not same(weights(3), weights(4))


@EACH_TRAINING
def test_a_resumed_training_goes_on_with_buffer_and_target_bit_for_bit(config: Any, build: Any, tmp_path: Path) -> None:
    algorithm = build(config.checkpointing(exact_resume=True))
    for _ in range(4):
        algorithm.train()
    algorithm.save(tmp_path)
    resumed = Algorithm.from_checkpoint(tmp_path, config=config)
    assert resumed.learner.replay.added == algorithm.learner.replay.added > 0
    assert same(resumed.learner.replay.columns, algorithm.learner.replay.columns)
    assert not same(resumed.learner.target.get_state(), resumed.get_module().get_state())
    for _ in range(4):
        algorithm.train()
        resumed.train()
    resumed.stop()
    assert same(resumed.get_module().get_state(), algorithm.get_module().get_state())
    assert same(resumed.learner.target.get_state(), algorithm.learner.target.get_state())


def test_the_script_runs_to_its_end(dqn: ModuleType, capsys: Any) -> None:
    mean = dqn.main(max_env_steps=100)
    assert 1.0 <= mean <= 500.0
    assert f"DQN: {mean:.1f} after 1" in capsys.readouterr().out


@pytest.mark.learning
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_balances_the_pole(dqn: ModuleType, seed: int) -> None:
    started = time.process_time()
    assert dqn.main(seed=seed) >= 475.0
    assert time.process_time() - started <= 120.0
