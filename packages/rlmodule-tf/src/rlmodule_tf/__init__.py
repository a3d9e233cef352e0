"""RLModules on TensorFlow."""

from rlmodule_core import check_interface
from rlmodule_tf.__about__ import INTERFACE, __version__

check_interface("rlmodule-tf", INTERFACE)

from rlmodule_tf.actor_critic import TfActorCriticRLModule  # noqa: E402
from rlmodule_tf.backend import TfBackend  # noqa: E402
from rlmodule_tf.distributions import (  # noqa: E402
    TfBernoulli,
    TfCategorical,
    TfDeterministic,
    TfDiagGaussian,
    TfSquashedGaussian,
)
from rlmodule_tf.module import TfRLModule  # noqa: E402

__all__ = [
    "INTERFACE",
    "TfActorCriticRLModule",
    "TfBackend",
    "TfBernoulli",
    "TfCategorical",
    "TfDeterministic",
    "TfDiagGaussian",
    "TfRLModule",
    "TfSquashedGaussian",
    "__version__",
]
