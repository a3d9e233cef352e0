"""Backends: the border between neutral code and a framework."""

from rlmodule_core.backend.base import Backend, GradientClip, Loss, Optimizer, OptimizerSettings, TrainingBackend
from rlmodule_core.backend.discovery import get_backend, get_training_backend
from rlmodule_core.backend.dtypes import batch_array, network_dtype
from rlmodule_core.backend.ops import Ops, Rng, Tensor

__all__ = [
    "Backend",
    "GradientClip",
    "Loss",
    "Ops",
    "Optimizer",
    "OptimizerSettings",
    "Rng",
    "Tensor",
    "TrainingBackend",
    "batch_array",
    "get_backend",
    "get_training_backend",
    "network_dtype",
]
