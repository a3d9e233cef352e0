"""The environment that a checkpoint was trained in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlmodule_algorithms.checkpointing.stored_algorithm import ALGORITHM_SECTION
from rlmodule_core import CheckpointError, ConfigError
from rlmodule_core.checkpoint import read_checkpoint


@dataclass(frozen=True)
class RecordedEnv:
    """An environment to play in.

    Attributes:
        env_config: what it was made with; None where nothing, or nothing that could be stored.
        complete: all of that could be stored.
    """

    env_id: str
    env_config: Mapping[str, Any] | None = None
    complete: bool = True


def recorded_env(checkpoint: Path, *, given: str | None) -> RecordedEnv:
    """The environment with the id `given`, or else the recorded one; settings are recorded for their own id only.

    Raises:
        ConfigError: the checkpoint records no id, or one whose name would import a module, and none is given.
        CheckpointError: the checkpoint is missing, damaged or foreign.
    """
    description = read_checkpoint(checkpoint).document.get(ALGORITHM_SECTION, {})
    options = _field(description, "options", dict, checkpoint)
    env_id = _field(options, "env", str, checkpoint)
    if given is not None and given != env_id:
        return RecordedEnv(given)
    if env_id is None:
        raise ConfigError(f"The checkpoint {checkpoint} records no environment id. Give one with --env ID.")
    if given is None and ":" in env_id:
        raise ConfigError(
            f"The checkpoint {checkpoint} names the environment {env_id!r}, which would import the module before the "
            f"colon. If you trust it, give it yourself: --env {env_id}"
        )
    by_name = _field(description, "by_name", dict, checkpoint)
    complete = by_name is None or "env_config" not in by_name
    return RecordedEnv(env_id, _field(options, "env_config", dict, checkpoint), complete)


def _field(description: Any, name: str, kind: type, checkpoint: Path) -> Any:
    value = description.get(name) if isinstance(description, Mapping) else description
    if value is not None and not isinstance(value, kind):
        raise CheckpointError(
            f"The checkpoint {checkpoint} is foreign or damaged: its {ALGORITHM_SECTION}.{name} must be "
            f"{kind.__name__} or null, got {value!r}."
        )
    return value
