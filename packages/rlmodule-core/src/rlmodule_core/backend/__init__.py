"""Backends: the border between neutral code and a framework."""

from rlmodule_core.backend.base import Backend, GradientClip, Loss, Optimizer, OptimizerSettings, TrainingBackend
from rlmodule_core.backend.discovery import default_backend_name, get_backend, get_training_backend
from rlmodule_core.backend.dtypes import batch_array, network_dtype
from rlmodule_core.backend.epoch import Epoch, TensorTrainingBackend
from rlmodule_core.backend.ops import Ops, Rng, Tensor
from rlmodule_core.backend.tensor_backend import TensorBackend
from rlmodule_core.backend.tensor_optimizer import TensorOptimizer
from rlmodule_core.backend.update_faults import constant_loss, hidden_weights, not_finite

__all__ = [
    "Backend",
    "Epoch",
    "GradientClip",
    "Loss",
    "Ops",
    "Optimizer",
    "OptimizerSettings",
    "Rng",
    "Tensor",
    "TensorBackend",
    "TensorOptimizer",
    "TensorTrainingBackend",
    "TrainingBackend",
    "batch_array",
    "constant_loss",
    "default_backend_name",
    "get_backend",
    "get_training_backend",
    "hidden_weights",
    "network_dtype",
    "not_finite",
]
