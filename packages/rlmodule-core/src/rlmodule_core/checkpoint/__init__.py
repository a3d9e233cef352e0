"""Checkpoints: what is written, how it is committed, how it is read safely.

For packages that store more than one module's weights; users call `save_to_checkpoint` and `from_checkpoint`.
"""

from rlmodule_core.checkpoint.describe import describe_modules
from rlmodule_core.checkpoint.module import load_module, load_modules, read_weights, save_modules
from rlmodule_core.checkpoint.section import SECTION, ContainerEntry, ModuleEntry
from rlmodule_core.checkpoint.sharing import require_shared
from rlmodule_core.checkpoint.store import Checkpoint, read_checkpoint, write_checkpoint
from rlmodule_core.checkpoint.stored_modules import StoredModules
from rlmodule_core.module.class_names import class_name, find_class
from rlmodule_core.stored import from_fields

__all__ = [
    "SECTION",
    "Checkpoint",
    "ContainerEntry",
    "ModuleEntry",
    "StoredModules",
    "class_name",
    "describe_modules",
    "find_class",
    "from_fields",
    "load_module",
    "load_modules",
    "read_checkpoint",
    "read_weights",
    "require_shared",
    "save_modules",
    "write_checkpoint",
]
