"""PPO and the machinery to train RLModules: configs, learners, runners, evaluation and a command line.

Names are loaded on first use, so that the command line answers at once.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from rlmodule_algorithms.__about__ import INTERFACE, __version__

if TYPE_CHECKING:
    from rlmodule_algorithms.algorithm import Algorithm
    from rlmodule_algorithms.checkpointing.run_directory import latest_checkpoint
    from rlmodule_algorithms.config.algorithm_config import AlgorithmConfig
    from rlmodule_algorithms.errors import EnvError, LogError
    from rlmodule_algorithms.evaluation import evaluate_policy
    from rlmodule_algorithms.gae import compute_gae
    from rlmodule_algorithms.learner import Learner
    from rlmodule_algorithms.metrics_log import MetricsLog
    from rlmodule_algorithms.ppo.config import PPOConfig
    from rlmodule_algorithms.ppo.learner import PPOLearner
    from rlmodule_algorithms.ppo.loss import ppo_loss
    from rlmodule_algorithms.presets import PRESETS, Preset
    from rlmodule_algorithms.sampling.rollout import Rollout
    from rlmodule_algorithms.schedules import Schedule
    from rlmodule_algorithms.tf_backend import PPOTfRLModule
    from rlmodule_algorithms.torch_backend import PPOTorchRLModule
    from rlmodule_algorithms.training import TrainingOutcome
    from rlmodule_core import ActorCriticRLModule as PPORLModule

_MODULES = {
    "Algorithm": "rlmodule_algorithms.algorithm",
    "AlgorithmConfig": "rlmodule_algorithms.config.algorithm_config",
    "EnvError": "rlmodule_algorithms.errors",
    "Learner": "rlmodule_algorithms.learner",
    "LogError": "rlmodule_algorithms.errors",
    "MetricsLog": "rlmodule_algorithms.metrics_log",
    "PRESETS": "rlmodule_algorithms.presets",
    "PPOConfig": "rlmodule_algorithms.ppo.config",
    "PPOLearner": "rlmodule_algorithms.ppo.learner",
    "PPOTfRLModule": "rlmodule_algorithms.tf_backend",
    "PPOTorchRLModule": "rlmodule_algorithms.torch_backend",
    "Preset": "rlmodule_algorithms.presets",
    "Rollout": "rlmodule_algorithms.sampling.rollout",
    "Schedule": "rlmodule_algorithms.schedules",
    "TrainingOutcome": "rlmodule_algorithms.training",
    "compute_gae": "rlmodule_algorithms.gae",
    "evaluate_policy": "rlmodule_algorithms.evaluation",
    "latest_checkpoint": "rlmodule_algorithms.checkpointing.run_directory",
    "ppo_loss": "rlmodule_algorithms.ppo.loss",
}

_TASKS = "rlmodule_algorithms.tasks"

__all__ = [
    "INTERFACE",
    "PRESETS",
    "Algorithm",
    "AlgorithmConfig",
    "EnvError",
    "Learner",
    "LogError",
    "MetricsLog",
    "PPOConfig",
    "PPOLearner",
    "PPORLModule",
    "PPOTfRLModule",
    "PPOTorchRLModule",
    "Preset",
    "Rollout",
    "Schedule",
    "TrainingOutcome",
    "__version__",
    "compute_gae",
    "evaluate_policy",
    "latest_checkpoint",
    "ppo_loss",
]


def __getattr__(name: str) -> Any:
    core = importlib.import_module("rlmodule_core")
    core.check_interface("rlmodule-algorithms", INTERFACE)
    importlib.import_module(_TASKS)
    if name == "PPORLModule":
        value: Any = core.ActorCriticRLModule
    elif name in _MODULES:
        value = getattr(importlib.import_module(_MODULES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)


# The ids of the tasks are registered at once where Gymnasium is there, else with the first name that is used: help and
# usage errors of the command line must not wait for Gymnasium.
if "gymnasium" in sys.modules:
    importlib.import_module(_TASKS)
