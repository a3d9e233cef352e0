"""Multi-agent composition: many RLModules in one container."""

from rlmodule_core import check_interface
from rlmodule_marl.__about__ import INTERFACE, __version__

check_interface("rlmodule-marl", INTERFACE)

from rlmodule_marl.config import MultiAgentRLModuleConfig  # noqa: E402
from rlmodule_marl.container import MultiAgentRLModule  # noqa: E402
from rlmodule_marl.spec import MultiAgentRLModuleSpec  # noqa: E402

__all__ = [
    "INTERFACE",
    "MultiAgentRLModule",
    "MultiAgentRLModuleConfig",
    "MultiAgentRLModuleSpec",
    "__version__",
]
