"""An algorithm as a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rlmodule_algorithms.__about__ import __version__
from rlmodule_algorithms.config.settings import AlgorithmSettings
from rlmodule_core import RLModule
from rlmodule_core.checkpoint import SECTION, describe_modules, write_checkpoint
from rlmodule_core.plans import Weights

ALGORITHM_SECTION = "algorithm"
"""The key of a checkpoint's document under which the algorithm is described."""


def save_algorithm(
    directory: str | Path,
    *,
    config: AlgorithmSettings,
    modules: Mapping[str, RLModule],
    moments: Mapping[str, Weights],
    acted_with: str | None,
    state: Mapping[str, Any],
) -> Path:
    """Write the modules, the optimizers' moments, the counters and the random states.

    Args:
        directory: where to.
        config: the algorithm's options.
        modules: by id.
        moments: the state of each module's optimizer by id.
        acted_with: the framework of the module that sampled.
        state: counters and random states, JSON-able.

    Raises:
        CheckpointError: it cannot be written.
    """
    section, payloads = describe_modules(modules)
    env_config, stored = _storable(config.env_config)
    description = {
        "name": config.algorithm,
        "version": __version__,
        # Only an id can be found again by name; anything else is passed again when the checkpoint is loaded.
        "env": config.env if isinstance(config.env, str) else None,
        "env_config": env_config,
        "env_config_stored": stored,
        "framework": config.framework_name,
        "seed": config.seed,
        "acted_with": acted_with,
        "state": state,
    }
    return write_checkpoint(
        directory,
        kind="algorithm",
        document={SECTION: section, ALGORITHM_SECTION: description},
        payloads={**payloads, **{f"optimizer.{module_id}": moment for module_id, moment in moments.items()}},
    )


def _storable(env_config: Mapping[str, Any] | None) -> tuple[Any, bool]:
    """What JSON can hold of it, tuples as lists, and whether that is all."""
    try:
        return (None if env_config is None else _plain(env_config)), True
    except TypeError:
        return None, False


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("JSON has only strings as keys")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value)):
        return value
    raise TypeError(f"JSON has no {type(value).__name__}")
