"""The fluent configuration that all algorithms share."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NoReturn, Self, Unpack

from rlmodule_algorithms.algorithm import Algorithm
from rlmodule_algorithms.config import options as opt
from rlmodule_algorithms.config.copying import independent
from rlmodule_algorithms.config.options import ABSENT_GROUPS, RENAMED
from rlmodule_algorithms.config.settings import AlgorithmSettings
from rlmodule_algorithms.config.validation import unknown_option
from rlmodule_algorithms.learner import Learner
from rlmodule_core import ConfigError, nearest


def names(options: Any) -> frozenset[str]:
    """The option names of a TypedDict, inherited ones included."""
    return frozenset(options.__optional_keys__)


FIELDS = {"every": "checkpoint_every", "keep": "checkpoint_keep"}
"""The fields of the options that say little without their group."""


@dataclass
class AlgorithmConfig(AlgorithmSettings):
    """Options by group. Every group method sets options, refuses unknown ones and returns the config itself."""

    groups: ClassVar[Mapping[str, frozenset[str]]] = {
        "environment": names(opt.EnvironmentOptions) | {"env"},
        "framework": frozenset({"framework"}),
        "env_runners": names(opt.EnvRunnerOptions),
        "training": names(opt.TrainingOptions),
        "rl_module": names(opt.RLModuleOptions),
        "evaluation": names(opt.EvaluationOptions),
        "checkpointing": names(opt.CheckpointingOptions),
        "callbacks": names(opt.CallbackOptions),
        "debugging": names(opt.DebuggingOptions),
    }

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
        """The framework to train in: "torch" or "tf2"; by default the one that is installed, of both torch."""
        self.framework_name = framework
        return self

    def env_runners(self, **options: Unpack[opt.EnvRunnerOptions]) -> Self:
        """How to sample.

        Args:
            **options: `num_envs_per_env_runner`; `rollout_fragment_length`, steps per environment and iteration
                ("auto" divides `train_batch_size` among the environments); `act_with`: "auto" acts through the
                numpy twin of a small standard module, "numpy" insists on it, "module" acts with the module itself;
                `normalize_rewards`: learn from rewards divided by the running standard deviation of the discounted
                return, clipped at 10 either way (returns are reported as they are).
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

    def checkpointing(self, **options: Unpack[opt.CheckpointingOptions]) -> Self:
        """What `train_until(checkpoint_dir=...)` saves beside the best, and how exactly it can be resumed.

        Args:
            **options: `every` so many iterations a checkpoint is saved (None: only the best), the newest `keep` of
                which stay; with `exact_resume` every `save` lets all environments start anew, in the process that goes
                on as in one that resumes, so that both compute the same, bit for bit on a CPU.
        """
        return self._set("checkpointing", options)

    def callbacks(self, **options: Unpack[opt.CallbackOptions]) -> Self:
        """Functions to call, with keyword arguments; each option takes one function or a list.

        Args:
            **options: `on_algorithm_init(algorithm)`; `on_sample_end(algorithm, rollout)`;
                `on_train_result(algorithm, result)`, which may add to the result; `on_evaluate_end(algorithm,
                evaluation_metrics)`; `on_checkpoint_saved(algorithm, directory)`; `on_checkpoint_loaded(algorithm,
                directory)`.
        """
        return self._set("callbacks", options)

    def debugging(self, **options: Unpack[opt.DebuggingOptions]) -> Self:
        """Reproducibility.

        Args:
            **options: `seed`, from which everything random follows.
        """
        return self._set("debugging", options)

    def copy(self) -> Self:
        """An independent config with the same options, mappings and lists included."""
        twin = copy.copy(self)
        for field in fields(self):
            setattr(twin, field.name, independent(getattr(self, field.name)))
        return twin

    def build(self) -> Algorithm:
        """Make the algorithm: environments, module, learner.

        Raises:
            ConfigError: an option is missing, illegal or does not fit another.
        """
        self.validate()
        return Algorithm(self.copy(), self.learner_class)

    @property
    @abstractmethod
    def learner_class(self) -> type[Learner]:
        """The learner that this algorithm updates modules with."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.{_hint(name, self.groups)}")

    def __setattr__(self, name: str, value: Any) -> None:
        options = {field.name for field in fields(self)}
        if name not in options and not name.startswith("_"):
            raise ConfigError(f"{type(self).__name__} has no option {name!r} to set.{_hint(name, options)}")
        super().__setattr__(name, value)

    def _set(self, group: str, options: Any) -> Self:
        for option, value in options.items():
            if option not in self.groups[group] and not (group == "training" and self._is_added(option)):
                raise unknown_option(group, option, self.groups)
            setattr(self, FIELDS.get(option, option), value)
        return self

    def _is_added(self, option: str) -> bool:
        """Whether the option is a field of a subclass that says nothing of groups."""
        shared = {field.name for field in fields(AlgorithmSettings)}
        grouped = shared.union(*self.groups.values())
        return option not in grouped and option in {field.name for field in fields(self)}


def _hint(name: str, known: Iterable[str]) -> str:
    if name in ABSENT_GROUPS:
        return f" {ABSENT_GROUPS[name]}"
    return f" Here it is {RENAMED[name]}." if name in RENAMED else nearest(name, known)
