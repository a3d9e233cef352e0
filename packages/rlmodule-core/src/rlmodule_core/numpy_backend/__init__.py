"""The backend that needs nothing but numpy."""

from rlmodule_core.numpy_backend.backend import NumpyBackend
from rlmodule_core.numpy_backend.module import NumpyActorCriticRLModule, NumpyRLModule
from rlmodule_core.numpy_backend.ops import NumpyOps, NumpyRng

__all__ = [
    "NumpyActorCriticRLModule",
    "NumpyBackend",
    "NumpyOps",
    "NumpyRLModule",
    "NumpyRng",
]
