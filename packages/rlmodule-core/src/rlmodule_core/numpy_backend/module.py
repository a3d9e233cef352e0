"""RLModules in numpy: they act and are served, they do not train."""

from __future__ import annotations

from rlmodule_core.module.actor_critic import ActorCriticRLModule
from rlmodule_core.module.rl_module import RLModule


class NumpyRLModule(RLModule):
    """Base of modules whose forwards are numpy functions."""

    framework = "numpy"


class NumpyActorCriticRLModule(ActorCriticRLModule, NumpyRLModule):
    """The standard actor-critic module in numpy."""
