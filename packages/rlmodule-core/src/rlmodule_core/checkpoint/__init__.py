"""Checkpoints: what is written, how it is committed, how it is read safely.

For packages that store more than one module's weights; users call `save_to_checkpoint` and `from_checkpoint`.
"""

from rlmodule_core.checkpoint.module import (
    SECTION,
    describe_modules,
    load_module,
    load_modules,
    read_weights,
    save_modules,
)
from rlmodule_core.checkpoint.store import Checkpoint, read_checkpoint, write_checkpoint

__all__ = [
    "SECTION",
    "Checkpoint",
    "describe_modules",
    "load_module",
    "load_modules",
    "read_checkpoint",
    "read_weights",
    "save_modules",
    "write_checkpoint",
]
