"""Behaviour cloning on CartPole: `python behaviour_cloning.py [TEACHER]`, the checkpoint of a policy.

Pomerleau 1991, https://doi.org/10.1162/neco.1991.3.1.88. Without a checkpoint the teacher is trained first, by PPO.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlmodule_algorithms import PRESETS, AlgorithmConfig, Learner, PPORLModule, evaluate_policy
from rlmodule_core import (
    DEFAULT_MODULE_ID,
    Columns,
    Policy,
    RLModule,
    SingleAgentRLModuleSpec,
    Tensor,
    default_backend_name,
    get_training_backend,
)


class CloningLearner(Learner):
    """Makes the actions of the batch likely."""

    def required_columns(self) -> tuple[str, ...]:
        return (Columns.OBS, Columns.ACTIONS)

    def required_outputs(self) -> tuple[str, ...]:
        return (Columns.ACTION_DIST_INPUTS,)

    def compute_loss_for_module(
        self, module_id: str, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        dist_cls = self.module[module_id].get_train_action_dist_cls()
        logp = dist_cls.from_logits(outputs[Columns.ACTION_DIST_INPUTS]).logp(batch[Columns.ACTIONS])
        loss = -self.backend.ops.mean(logp)
        return loss, {"cloning_loss": loss}


class CloningConfig(AlgorithmConfig):
    """Says how to learn; no environment is needed for that."""

    algorithm = "BC"
    learner_class = CloningLearner


def make_env() -> gym.Env[Any, Any]:
    """The task of both."""
    return gym.make("CartPole-v1")


def train_teacher(directory: Path, *, seed: int) -> None:
    """Train PPO by the shipped preset; keep the best policy in the directory."""
    preset = PRESETS["ppo-cartpole"]
    algorithm = preset.make_config().debugging(seed=seed).build()
    algorithm.train_until(
        episode_return_mean=preset.stop_at, max_env_steps=preset.max_env_steps, checkpoint_dir=directory
    )
    algorithm.stop()


def record(teacher: Policy, file: Path, *, episodes: int, seed: int) -> None:
    """Store what the teacher saw and did as columns `[N, ...]`."""
    columns: dict[str, list[Any]] = {Columns.OBS: [], Columns.ACTIONS: []}
    env = make_env()
    for episode in range(episodes):
        obs, _ = env.reset(seed=seed + episode)
        over = False
        while not over:
            action, _, extras = teacher.compute_single_action(obs)
            columns[Columns.OBS].append(obs)
            # As sampled: for continuous actions `action` is already mapped to the environment's bounds.
            columns[Columns.ACTIONS].append(extras[Columns.ACTIONS])
            obs, _, terminated, truncated, _ = env.step(action)
            over = terminated or truncated
    env.close()
    arrays: Any = {name: np.stack(column) for name, column in columns.items()}
    np.savez(file, **arrays)


def new_student(*, seed: int) -> RLModule:
    """A module that knows nothing yet."""
    env = make_env()
    spec = SingleAgentRLModuleSpec(
        module_class=PPORLModule,
        observation_space=env.observation_space,
        action_space=env.action_space,
        model_config_dict={"fcnet_hiddens": [32, 32]},
    )
    env.close()
    framework = default_backend_name()
    with get_training_backend(framework).initialising(seed):
        return spec.build(framework=framework)


def clone(student: RLModule, file: Path, *, epochs: int, seed: int) -> float:
    """Train the student to act as recorded; the last loss."""
    config = CloningConfig().framework(student.backend.name)
    config.training(lr=1e-3, minibatch_size=256, num_epochs=epochs)
    learner = CloningLearner(student.as_multi_agent(), config, np.random.default_rng(seed))
    columns: dict[str, NDArray[Any]] = dict(np.load(file))
    return learner.update({DEFAULT_MODULE_ID: columns}, timestep=0)[DEFAULT_MODULE_ID]["cloning_loss"]


def greedy_return(policy: Policy, *, episodes: int) -> float:
    """The mean return of episodes that nobody has learned from."""
    evaluation = evaluate_policy(policy, make_env, episodes=episodes, seed=1_000_000)
    return float(evaluation["episode_return_mean"])


def main(teacher_directory: str | None = None, *, seed: int = 0) -> tuple[float, float]:
    """Record a teacher and clone it; the mean returns of both."""
    with TemporaryDirectory() as scratch:
        directory = Path(scratch if teacher_directory is None else teacher_directory)
        file = Path(scratch, "episodes.npz")
        if teacher_directory is None:
            train_teacher(directory, seed=seed)
        teacher = Policy.from_checkpoint(directory, framework="numpy")
        record(teacher, file, episodes=20, seed=seed)
        student = new_student(seed=seed)
        loss = clone(student, file, epochs=20, seed=seed)
    returns = greedy_return(teacher, episodes=30), greedy_return(Policy(student), episodes=30)
    print(f"Teacher: {returns[0]:.1f}, student: {returns[1]:.1f}, with a loss of {loss:.3f}")
    return returns


if __name__ == "__main__":
    main(*sys.argv[1:2])
