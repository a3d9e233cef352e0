"""RLModules on PyTorch."""

from rlmodule_core import check_interface
from rlmodule_torch.__about__ import INTERFACE, __version__

check_interface("rlmodule-torch", INTERFACE)

from rlmodule_torch.actor_critic import TorchActorCriticRLModule  # noqa: E402
from rlmodule_torch.backend import TorchBackend  # noqa: E402
from rlmodule_torch.distributions import (  # noqa: E402
    TorchBernoulli,
    TorchCategorical,
    TorchDeterministic,
    TorchDiagGaussian,
    TorchSquashedGaussian,
)
from rlmodule_torch.module import TorchRLModule  # noqa: E402

__all__ = [
    "INTERFACE",
    "TorchActorCriticRLModule",
    "TorchBackend",
    "TorchBernoulli",
    "TorchCategorical",
    "TorchDeterministic",
    "TorchDiagGaussian",
    "TorchRLModule",
    "TorchSquashedGaussian",
    "__version__",
]
