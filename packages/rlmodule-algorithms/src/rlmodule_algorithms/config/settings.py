"""The options of an algorithm as values: what they are, their defaults, and whether they fit together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import gymnasium as gym

from rlmodule_algorithms.config.callbacks import ARGUMENTS, Callbacks, require_callbacks
from rlmodule_algorithms.config.options import EnvSource, Scheduled
from rlmodule_algorithms.config.validation import (
    refuse,
    require_count,
    require_mapping,
    require_number,
    require_one_of,
    require_positive,
    require_schedule,
)
from rlmodule_core import ActorCriticRLModule, ConfigError, SingleAgentRLModuleSpec, default_backend_name


@dataclass
class AlgorithmSettings(ABC):
    """The options that every algorithm has; `AlgorithmConfig` says what each means."""

    algorithm: ClassVar[str]

    env: EnvSource | None = None
    env_config: Mapping[str, Any] | None = None
    framework_name: str = field(default_factory=default_backend_name)
    num_env_runners: int = 0
    num_envs_per_env_runner: int = 8
    rollout_fragment_length: int | str = "auto"
    act_with: str = "auto"
    normalize_rewards: bool = False
    lr: Scheduled = 3e-4
    gamma: float = 0.99
    train_batch_size: int = 2048
    minibatch_size: int = 256
    num_epochs: int = 10
    grad_clip: float | None = 0.5
    grad_clip_by: str = "global_norm"
    model: Mapping[str, Any] | None = None
    rl_module_spec: SingleAgentRLModuleSpec | None = None
    evaluation_interval: int | None = None
    evaluation_duration: int = 10
    checkpoint_every: int | None = None
    checkpoint_keep: int = 2
    exact_resume: bool = False
    on_algorithm_init: Callbacks = None
    on_sample_end: Callbacks = None
    on_train_result: Callbacks = None
    on_evaluate_end: Callbacks = None
    on_checkpoint_saved: Callbacks = None
    on_checkpoint_loaded: Callbacks = None
    seed: int | None = None

    def default_module_spec(self) -> SingleAgentRLModuleSpec:
        """What a spec's unset fields are filled from."""
        return SingleAgentRLModuleSpec(module_class=ActorCriticRLModule, catalog_class="ppo")

    @property
    def default_model(self) -> Mapping[str, Any]:
        """Model settings in which this algorithm's defaults differ from the catalog's."""
        return {}

    @abstractmethod
    def copy(self) -> Self:
        """An independent config with the same options."""

    @property
    def env_source(self) -> EnvSource:
        """The environment.

        Raises:
            ConfigError: none is set.
        """
        if self.env is None:
            raise ConfigError('No environment is set. Call .environment("CartPole-v1") before build().')
        return self.env

    @property
    def fragment_length(self) -> int:
        """Steps per environment and iteration, with "auto" resolved.

        Raises:
            ConfigError: the train batch cannot be divided so; prints the product.
        """
        envs, batch = self.num_envs_per_env_runner, self.train_batch_size
        length = max(1, batch // envs) if self.rollout_fragment_length == "auto" else self.rollout_fragment_length
        if not isinstance(length, int) or isinstance(length, bool) or length < 1:
            refuse("rollout_fragment_length", length, "a positive integer or 'auto'")
        if length * envs != batch:
            raise ConfigError(
                f"train_batch_size={batch} does not fit rollout_fragment_length={length} times "
                f"num_envs_per_env_runner={envs}, which is {length * envs}. Set train_batch_size={length * envs}, or "
                "leave rollout_fragment_length at 'auto' and choose a train_batch_size that is a multiple of "
                "num_envs_per_env_runner."
            )
        return length

    def validate(self) -> None:
        """Check all options.

        Raises:
            ConfigError: names the option, what it must be and what it is.
        """
        self._validate_environment()
        if not isinstance(self.framework_name, str):
            refuse("framework", self.framework_name, "the name of a backend, such as 'torch'")
        if self.num_env_runners != 0:
            refuse("num_env_runners", self.num_env_runners, "0 (sampling runs in this process)")
        for option in ("num_envs_per_env_runner", "train_batch_size", "minibatch_size", "num_epochs"):
            require_count(option, getattr(self, option))
        require_count("evaluation_duration", self.evaluation_duration)
        if self.evaluation_interval is not None:
            require_count("evaluation_interval", self.evaluation_interval)
        require_count("checkpointing(keep)", self.checkpoint_keep)
        if self.checkpoint_every is not None:
            require_count("checkpointing(every)", self.checkpoint_every)
        require_one_of("exact_resume", self.exact_resume, True, False)
        for option in ARGUMENTS:
            require_callbacks(option, getattr(self, option))
        if self.seed is not None:
            require_count("seed", self.seed, least=0)
        require_mapping("model", self.model)
        if self.grad_clip is not None:
            require_positive("grad_clip", self.grad_clip)
        require_number("gamma", self.gamma, high=1.0)
        require_schedule("lr", self.lr)
        require_one_of("grad_clip_by", self.grad_clip_by, "global_norm", "norm", "value")
        require_one_of("normalize_rewards", self.normalize_rewards, True, False)
        require_one_of("act_with", self.act_with, "auto", "numpy", "module")
        if self.rl_module_spec is not None and not isinstance(self.rl_module_spec, SingleAgentRLModuleSpec):
            refuse("rl_module_spec", self.rl_module_spec, "a SingleAgentRLModuleSpec")
        _ = self.fragment_length

    def _validate_environment(self) -> None:
        source = self.env_source
        require_mapping("env_config", self.env_config)
        if self.evaluation_interval is None or not isinstance(source, type):
            return
        if issubclass(source, gym.vector.VectorEnv):
            raise ConfigError(
                f"evaluation_interval={self.evaluation_interval!r} needs single environments, which the vector "
                f"environment class {source.__name__} cannot make. Give .environment() an id or an Env class, or leave "
                "evaluation_interval at None."
            )
