"""The fluent configuration that all algorithms share."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack

from rlmodule_algorithms.algorithm import Algorithm
from rlmodule_algorithms.config import options as opt
from rlmodule_algorithms.config.validation import (
    refuse,
    require_count,
    require_number,
    require_one_of,
    require_schedule,
    unknown_option,
)
from rlmodule_core import ActorCriticRLModule, ConfigError, SingleAgentRLModuleSpec

if TYPE_CHECKING:
    from rlmodule_algorithms.learner import Learner


def names(options: Any) -> frozenset[str]:
    """The option names of a TypedDict, inherited ones included."""
    return frozenset(options.__optional_keys__)


@dataclass
class AlgorithmConfig(ABC):
    """Options by group. Every group method sets options, refuses unknown ones and returns the config itself."""

    groups: ClassVar[Mapping[str, frozenset[str]]] = {
        "environment": names(opt.EnvironmentOptions) | {"env"},
        "framework": frozenset({"framework"}),
        "env_runners": names(opt.EnvRunnerOptions),
        "training": names(opt.TrainingOptions),
        "rl_module": names(opt.RLModuleOptions),
        "evaluation": names(opt.EvaluationOptions),
        "debugging": names(opt.DebuggingOptions),
    }
    algorithm: ClassVar[str]

    env: opt.EnvSource | None = None
    env_config: Mapping[str, Any] | None = None
    framework_name: str = "torch"
    num_env_runners: int = 0
    num_envs_per_env_runner: int = 8
    rollout_fragment_length: int | str = "auto"
    act_with: str = "auto"
    lr: opt.Scheduled = 3e-4
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
    seed: int | None = None

    def environment(self, env: opt.EnvSource | None = None, **options: Unpack[opt.EnvironmentOptions]) -> Self:
        """Which environment to train in.

        Args:
            env: a registered id, an Env class (called with `env_config` as keywords), a vector environment class
                (called with `num_envs` and `env_config`), or a function of `env_config`.
            **options: `env_config`, a mapping.
        """
        if env is not None:
            self.env = env
        return self._set("environment", options)

    def framework(self, framework: str) -> Self:
        """The framework to train in: "torch"."""
        self.framework_name = framework
        return self

    def env_runners(self, **options: Unpack[opt.EnvRunnerOptions]) -> Self:
        """How to sample.

        Args:
            **options: `num_envs_per_env_runner`; `rollout_fragment_length`, steps per environment and iteration
                ("auto" divides `train_batch_size` among the environments); `act_with`: "auto" acts through the
                numpy twin of a small standard module, "numpy" insists on it, "module" acts with the module itself.
        """
        return self._set("env_runners", options)

    def training(self, **options: Unpack[opt.TrainingOptions]) -> Self:
        """How to learn.

        Args:
            **options: `lr` (a number or a schedule), `gamma`, `train_batch_size` and `minibatch_size` in rows,
                `num_epochs`, `grad_clip` with `grad_clip_by` ("global_norm", "norm" or "value"), and `model`, the
                model settings.
        """
        if not options.pop("_enable_learner_api", True):
            raise ConfigError("_enable_learner_api=False is not possible: there is no other stack than the Learner's.")
        return self._set("training", options)

    def rl_module(self, **options: Unpack[opt.RLModuleOptions]) -> Self:
        """Which module to train.

        Args:
            **options: `rl_module_spec`, whose unset fields the environment and the defaults fill.
        """
        if not options.pop("_enable_rl_module_api", True):
            raise ConfigError("_enable_rl_module_api=False is not possible: algorithms here train RLModules only.")
        return self._set("rl_module", options)

    def evaluation(self, **options: Unpack[opt.EvaluationOptions]) -> Self:
        """When to evaluate greedily, in environments of its own.

        Args:
            **options: `evaluation_interval` in iterations (None: never by itself), `evaluation_duration` in episodes.
        """
        return self._set("evaluation", options)

    def debugging(self, **options: Unpack[opt.DebuggingOptions]) -> Self:
        """Reproducibility.

        Args:
            **options: `seed`, from which everything random follows.
        """
        return self._set("debugging", options)

    def copy(self) -> Self:
        """An independent config with the same options."""
        return copy.copy(self)

    def build(self) -> Algorithm:
        """Make the algorithm: environments, module, learner.

        Raises:
            ConfigError: an option is missing, illegal or does not fit another.
        """
        self.validate()
        return Algorithm(self.copy())

    @property
    @abstractmethod
    def learner_class(self) -> type[Learner]:
        """The learner that this algorithm updates modules with."""

    def default_module_spec(self) -> SingleAgentRLModuleSpec:
        """What a spec's unset fields are filled from."""
        return SingleAgentRLModuleSpec(module_class=ActorCriticRLModule, catalog_class="ppo")

    @property
    def default_model(self) -> Mapping[str, Any]:
        """Model settings in which this algorithm's defaults differ from the catalog's."""
        return {}

    @property
    def env_source(self) -> opt.EnvSource:
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
        _ = self.env_source
        if self.num_env_runners != 0:
            refuse("num_env_runners", self.num_env_runners, "0 (sampling runs in this process)")
        for option in ("num_envs_per_env_runner", "train_batch_size", "minibatch_size", "num_epochs"):
            require_count(option, getattr(self, option))
        require_count("evaluation_duration", self.evaluation_duration)
        if self.evaluation_interval is not None:
            require_count("evaluation_interval", self.evaluation_interval)
        if self.seed is not None:
            require_count("seed", self.seed, least=0)
        if self.grad_clip is not None:
            require_number("grad_clip", self.grad_clip)
        require_number("gamma", self.gamma, high=1.0)
        require_schedule("lr", self.lr)
        require_one_of("grad_clip_by", self.grad_clip_by, "global_norm", "norm", "value")
        require_one_of("act_with", self.act_with, "auto", "numpy", "module")
        if self.minibatch_size > self.train_batch_size:
            raise ConfigError(
                f"minibatch_size={self.minibatch_size} is larger than train_batch_size={self.train_batch_size}. Lower "
                "minibatch_size, or raise train_batch_size."
            )
        if self.rl_module_spec is not None and not isinstance(self.rl_module_spec, SingleAgentRLModuleSpec):
            refuse("rl_module_spec", self.rl_module_spec, "a SingleAgentRLModuleSpec")
        _ = self.fragment_length

    def _set(self, group: str, options: Any) -> Self:
        for option, value in options.items():
            if option not in self.groups[group]:
                raise unknown_option(group, option, self.groups)
            setattr(self, option, value)
        return self
