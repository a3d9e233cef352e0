"""What the algorithms name of PyTorch."""

from rlmodule_core import get_backend

# Says what to install where the import below would only say that it failed.
get_backend("torch")

from rlmodule_torch import TorchActorCriticRLModule as PPOTorchRLModule  # noqa: E402

__all__ = ["PPOTorchRLModule"]
