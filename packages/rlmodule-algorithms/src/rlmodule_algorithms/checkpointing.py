"""An algorithm as a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlmodule_algorithms.__about__ import __version__
from rlmodule_core.checkpoint import SECTION, describe_modules, write_checkpoint

if TYPE_CHECKING:
    from rlmodule_algorithms.algorithm import Algorithm

ALGORITHM_SECTION = "algorithm"


def save_algorithm(algorithm: Algorithm, directory: str | Path) -> Path:
    """Write the modules, the optimizers' moments, the counters and the random states.

    Raises:
        CheckpointError: it cannot be written.
    """
    section, payloads = describe_modules(dict(algorithm.module.items()))
    moments: dict[str, Any] = {
        f"optimizer.{module_id}": optimizer.get_state() for module_id, optimizer in algorithm.learner.optimizers.items()
    }
    return write_checkpoint(
        directory,
        kind="algorithm",
        document={SECTION: section, ALGORITHM_SECTION: _describe(algorithm)},
        payloads={**payloads, **moments},
    )


def _describe(algorithm: Algorithm) -> dict[str, Any]:
    config = algorithm.config
    return {
        "name": config.algorithm,
        "version": __version__,
        # Only an id can be found again by name; anything else is passed again when the checkpoint is loaded.
        "env": config.env if isinstance(config.env, str) else None,
        "framework": config.framework_name,
        "seed": config.seed,
        "acted_with": algorithm.acting_framework,
        "state": algorithm.get_state(),
    }
