"""What a run that is resumed must know beside its checkpoint: when it ends and how it is judged."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rlmodule_algorithms.cli.limits import Limits
from rlmodule_algorithms.cli.training.directory import LOGS
from rlmodule_algorithms.errors import LogError
from rlmodule_core import CheckpointError, ConfigError
from rlmodule_core.checkpoint import from_fields

_FILE = "run.json"


@dataclass(frozen=True)
class RunRecord:
    """The fields of `logs/run.json`; the names are those of `Limits` and `Plan`."""

    target: float | None
    stop_at: float | None
    max_env_steps: int | None
    max_seconds: float | None
    final_episodes: int
    preset: str | None

    @classmethod
    def of(cls, limits: Limits, *, final_episodes: int, preset: str | None) -> RunRecord:
        """The record of a run that ends so."""
        return cls(**asdict(limits), final_episodes=final_episodes, preset=preset)

    @property
    def limits(self) -> Limits:
        """When the run ends."""
        return Limits(self.target, self.max_env_steps, self.max_seconds, self.stop_at)


def write_record(directory: Path, record: RunRecord) -> None:
    """Note it in the directory of the run.

    Raises:
        LogError: it cannot be written.
    """
    path = directory / LOGS / _FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(record), indent=2) + "\n", "utf-8")
    except OSError as error:
        raise LogError(
            f"Expected to write {path}, got {type(error).__name__}: {error}. Check its permissions and the free space."
        ) from error


def read_record(directory: Path) -> RunRecord | None:
    """What is noted in the directory of a run; None where nothing is, as for one that was trained in Python.

    Raises:
        ConfigError: it is damaged.
    """
    path = directory / LOGS / _FILE
    try:
        return from_fields(RunRecord, json.loads(path.read_text("utf-8")), where=str(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        # What core says of stored fields ends with advice on checkpoints, which this is none of.
        reason = str(error).partition(". ")[0] if isinstance(error, CheckpointError) else str(error)
        raise ConfigError(
            f"{path} cannot be read: {reason}. Delete it, and say with --target, --max-steps or --max-seconds when the "
            "run ends."
        ) from error
