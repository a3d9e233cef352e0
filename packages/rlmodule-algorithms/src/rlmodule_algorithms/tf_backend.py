"""What the algorithms name of TensorFlow."""

from rlmodule_core import get_backend

# Says what to install where the import below would only say that it failed.
get_backend("tf2")

from rlmodule_tf import TfActorCriticRLModule as PPOTfRLModule  # noqa: E402

__all__ = ["PPOTfRLModule"]
