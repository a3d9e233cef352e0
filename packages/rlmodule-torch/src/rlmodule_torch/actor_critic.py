"""The standard actor-critic module in torch."""

from __future__ import annotations

from rlmodule_core import ActorCriticRLModule
from rlmodule_torch.module import TorchRLModule


class TorchActorCriticRLModule(ActorCriticRLModule, TorchRLModule):
    """See ActorCriticRLModule."""
