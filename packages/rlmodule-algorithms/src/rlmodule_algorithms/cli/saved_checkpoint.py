"""The checkpoint that a directory stands for."""

from __future__ import annotations

from pathlib import Path

from rlmodule_algorithms.checkpointing.run_directory import latest_checkpoint
from rlmodule_core import CheckpointError


def saved_checkpoint(directory: Path) -> Path:
    """The directory itself, or the newest checkpoint of the run in it, where that has not kept a best one yet."""
    try:
        if any((directory / name).exists() for name in ("rl_module.json", "algorithm.json")):
            return directory
        return latest_checkpoint(directory)
    except (CheckpointError, OSError):
        # What reads it says best what is wrong.
        return directory
