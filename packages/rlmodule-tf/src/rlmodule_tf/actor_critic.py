"""The standard actor-critic module in TensorFlow."""

from __future__ import annotations

from rlmodule_core import ActorCriticRLModule
from rlmodule_tf.module import TfRLModule


class TfActorCriticRLModule(ActorCriticRLModule, TfRLModule):
    """See ActorCriticRLModule."""
