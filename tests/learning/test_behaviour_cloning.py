"""Behaviour cloning of the documentation: recording, the loss, and the student's skill."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from own_layers import TRAINING

from rlmodule_core import ConfigError, Policy, RLModule, SingleAgentRLModuleSpec, SpecCheckingError
from rlmodule_core.plans import Dense

ID = "default_policy"
SEED = 5


class Undecided(RLModule):
    """Gives no distribution."""

    def setup(self) -> None:
        self.net = self.backend.lower(Dense(4, 2))

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"latents": self.net(batch["obs"])}

    _forward_exploration = _forward_inference = _forward_train


@pytest.fixture(scope="session")
def teacher(cloning: ModuleType) -> Policy:
    """One that knows nothing, so that its episodes are short."""
    return Policy(cloning.new_student(seed=SEED).to_framework("numpy"))


@pytest.fixture(scope="session")
def recorded(cloning: ModuleType, teacher: Policy, tmp_path_factory: Any) -> Path:
    file: Path = tmp_path_factory.mktemp("episodes") / "episodes.npz"
    cloning.record(teacher, file, episodes=4, seed=SEED)
    return file


@pytest.fixture(params=TRAINING)
def framework(request: Any, cloning: ModuleType, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where students are made."""
    monkeypatch.setattr(cloning, "default_backend_name", lambda: request.param)
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="session", params=TRAINING)
def learner(cloning: ModuleType, request: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cloning, "default_backend_name", lambda: request.param)
        student = cloning.new_student(seed=0)
    config = cloning.CloningConfig().framework(request.param)
    return cloning.CloningLearner(student.as_multi_agent(), config, np.random.default_rng(0))


def test_every_step_is_recorded_with_the_action_that_the_teacher_took(recorded: Path, teacher: Policy) -> None:
    columns = dict(np.load(recorded))
    env = gym.make("CartPole-v1")
    seen = []
    for episode in range(4):
        obs, _ = env.reset(seed=SEED + episode)
        over = False
        while not over:
            seen.append(obs)
            obs, _, terminated, truncated, _ = env.step(teacher.compute_single_action(obs)[0])
            over = terminated or truncated
    env.close()
    assert set(columns) == {"obs", "actions"}
    assert np.array_equal(columns["obs"], np.stack(seen))
    assert columns["actions"].tolist() == teacher.compute_actions(columns["obs"])[0].tolist()


@given(
    arrays(np.float32, (5, 2), elements=st.floats(-20, 20, width=32)),
    arrays(np.int64, 5, elements=st.integers(0, 1)),
)
def test_the_loss_is_the_mean_negative_log_likelihood(learner: Any, logits: Any, actions: Any) -> None:
    exact = logits.astype(np.float64)
    expected = np.mean(np.log(np.exp(exact).sum(-1)) - exact[np.arange(5), actions])
    native = learner.backend.batch(None, {"action_dist_inputs": logits, "actions": actions})
    loss, metrics = learner.compute_loss_for_module(ID, native, native, {})
    assert float(learner.backend.ops.stop_gradient(loss)) == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert metrics["cloning_loss"] is loss


@pytest.mark.usefixtures("framework")
def test_the_student_comes_to_act_as_recorded(cloning: ModuleType, recorded: Path) -> None:
    columns, student = dict(np.load(recorded)), cloning.new_student(seed=SEED + 1)

    def agreement() -> float:
        return float(np.mean(Policy(student).compute_actions(columns["obs"])[0] == columns["actions"]))

    before = agreement()
    loss = cloning.clone(student, recorded, epochs=150, seed=0)
    assert before < 0.9
    assert agreement() > 0.95
    assert loss < 0.5


@pytest.mark.usefixtures("framework")
def test_a_seed_fixes_the_student(cloning: ModuleType, recorded: Path) -> None:
    def cloned(seed: int) -> Any:
        student = cloning.new_student(seed=seed)
        cloning.clone(student, recorded, epochs=2, seed=seed)
        return student.get_state()

    first, again, other = cloned(1), cloned(1), cloned(2)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not all(np.array_equal(first[name], other[name]) for name in first)


@pytest.mark.usefixtures("framework")
def test_the_value_head_that_the_loss_does_not_use_stays_as_it_was(cloning: ModuleType, recorded: Path) -> None:
    student = cloning.new_student(seed=0)
    before = student.get_state()
    cloning.clone(student, recorded, epochs=1, seed=0)
    changed = {name for name, value in student.get_state().items() if not np.array_equal(value, before[name])}
    assert changed == {name for name in before if not name.startswith("vf.")}


def test_recordings_without_actions_are_refused_by_name(learner: Any) -> None:
    with pytest.raises(ConfigError, match=r"CloningLearner needs the columns \['actions'\]"):
        learner.update({ID: {"obs": np.zeros((3, 4), np.float32)}}, timestep=0)


def test_a_module_without_a_distribution_is_refused_by_name(cloning: ModuleType, framework: str) -> None:
    spaces = gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2)
    module = SingleAgentRLModuleSpec(Undecided, *spaces, {}).build(framework=framework)
    config = cloning.CloningConfig().framework(framework)
    learner = cloning.CloningLearner(module.as_multi_agent(), config, np.random.default_rng(0))
    columns = {"obs": np.zeros((3, 4), np.float32), "actions": np.zeros(3, np.int64)}
    with pytest.raises(SpecCheckingError, match=r"Undecided.*needs \['action_dist_inputs'\] as well"):
        learner.update({ID: columns}, timestep=0)


def test_the_script_clones_the_policy_of_any_checkpoint(
    cloning: ModuleType, teacher: Policy, tmp_path: Path, capsys: Any
) -> None:
    teacher.module.save_to_checkpoint(tmp_path)
    taught, learned = cloning.main(str(tmp_path))
    assert taught == cloning.greedy_return(teacher, episodes=30)
    assert f"Teacher: {taught:.1f}, student: {learned:.1f}" in capsys.readouterr().out


@pytest.mark.learning
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_student_matches_a_teacher_that_balances_the_pole(cloning: ModuleType, seed: int) -> None:
    started = time.process_time()
    taught, learned = cloning.main(seed=seed)
    assert taught >= 475.0
    assert learned >= 475.0
    assert time.process_time() - started <= 120.0
