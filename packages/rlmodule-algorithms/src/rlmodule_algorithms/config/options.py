"""The names of all options, by group, as type checkers and error texts know them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import gymnasium as gym

from rlmodule_algorithms.config.callbacks import Callbacks
from rlmodule_core import SingleAgentRLModuleSpec

EnvSource = (
    str | type[gym.Env[Any, Any]] | type[gym.vector.VectorEnv[Any, Any, Any]] | Callable[[Mapping[str, Any]], Any]
)
"""A registered id, an Env class, a vector environment class, or a function of `env_config`."""

Scheduled = float | Sequence[tuple[int, float]]
"""A number, or `(timestep, value)` points between which the value is interpolated."""


class EnvironmentOptions(TypedDict, total=False):
    """Options of `.environment()`, beside the environment itself."""

    env_config: Mapping[str, Any]


class EnvRunnerOptions(TypedDict, total=False):
    """Options of `.env_runners()`."""

    num_env_runners: int
    num_envs_per_env_runner: int
    rollout_fragment_length: int | str
    act_with: str
    normalize_rewards: bool


class TrainingOptions(TypedDict, total=False):
    """Options of `.training()` that every algorithm has."""

    lr: Scheduled
    gamma: float
    train_batch_size: int
    minibatch_size: int
    num_epochs: int
    grad_clip: float | None
    grad_clip_by: str
    model: Mapping[str, Any]
    _enable_learner_api: bool


class RLModuleOptions(TypedDict, total=False):
    """Options of `.rl_module()`."""

    rl_module_spec: SingleAgentRLModuleSpec
    _enable_rl_module_api: bool


class EvaluationOptions(TypedDict, total=False):
    """Options of `.evaluation()`."""

    evaluation_interval: int | None
    evaluation_duration: int


class CheckpointingOptions(TypedDict, total=False):
    """Options of `.checkpointing()`."""

    every: int | None
    keep: int
    exact_resume: bool


class CallbackOptions(TypedDict, total=False):
    """Options of `.callbacks()`."""

    on_algorithm_init: Callbacks
    on_sample_end: Callbacks
    on_train_result: Callbacks
    on_evaluate_end: Callbacks
    on_checkpoint_saved: Callbacks
    on_checkpoint_loaded: Callbacks


class DebuggingOptions(TypedDict, total=False):
    """Options of `.debugging()`."""

    seed: int | None


RENAMED = {
    "num_rollout_workers": "env_runners(num_env_runners=...)",
    "num_workers": "env_runners(num_env_runners=...)",
    "num_envs_per_worker": "env_runners(num_envs_per_env_runner=...)",
    "num_sgd_iter": "training(num_epochs=...)",
    "sgd_minibatch_size": "training(minibatch_size=...)",
    "model_config_dict": "training(model=...)",
    "train_batch_size_per_learner": "training(train_batch_size=...)",
    "entropy_coeff_schedule": "training(entropy_coeff=[(timestep, value), ...])",
    "lr_schedule": "training(lr=[(timestep, value), ...])",
    "n_steps": "env_runners(rollout_fragment_length=...)",
    "batch_size": "training(minibatch_size=...)",
    "n_epochs": "training(num_epochs=...)",
    "learning_rate": "training(lr=...)",
    "ent_coef": "training(entropy_coeff=...)",
    "vf_coef": "training(vf_loss_coeff=...)",
    "clip_range": "training(clip_param=...)",
    "gae_lambda": "training(lambda_=...)",
    "max_grad_norm": "training(grad_clip=...)",
    "rollouts": ".env_runners()",
    "lambda": "training(lambda_=...)",
    "checkpoint_frequency": "checkpointing(every=...)",
    "num_to_keep": "checkpointing(keep=...)",
    "on_episode_end": "callbacks(on_sample_end=...)",
    "on_evaluate_start": "callbacks(on_train_result=...)",
    "callbacks_class": "callbacks(on_train_result=...)",
}
"""What the options of other systems are called here."""

ABSENT_GROUPS = {
    "resources": "There is nothing to reserve: sampling and learning run in this process.",
    "learners": "There is one learner, in this process; its options are those of .training().",
    "multi_agent": "Algorithms train one module; compose several with rlmodule_marl.MultiAgentRLModule.",
    "exploration": "How a module explores is its forward_exploration; see .rl_module(rl_module_spec=...).",
    "reporting": "algorithm.train() returns the metrics; pass algorithm.train_until(on_result=...) to log them.",
    "fault_tolerance": "Environments run in this process: a failure is raised as an EnvError.",
    "api_stack": "There is only one stack: RLModules and Learners. Leave the call out.",
    "experimental": "There are no experimental options. Leave the call out.",
}
"""What to use instead of groups that other systems' configs have."""
