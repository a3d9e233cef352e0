"""Where a run keeps its checkpoints: the best in its directory, those of iterations below it."""

from __future__ import annotations

import shutil
from pathlib import Path

from rlmodule_algorithms.checkpointing.stored_algorithm import StoredAlgorithm
from rlmodule_core import CheckpointError

_ITERATIONS = "iterations"
_DOCUMENT = "algorithm.json"


def iteration_directory(run: str | Path, iteration: int) -> Path:
    """Where the run in a directory keeps the checkpoint of an iteration."""
    return Path(run, _ITERATIONS, f"{iteration:06d}")


def run_directory(checkpoint: str | Path) -> Path:
    """The directory of the run that a checkpoint belongs to: its own, unless it is that of an iteration."""
    path = Path(checkpoint).resolve()
    return path.parent.parent if path.parent.name == _ITERATIONS and path.name.isdigit() else path


def latest_checkpoint(run: str | Path) -> Path:
    """The checkpoint of the latest iteration in the directory of a run: that of an iteration, or the best.

    Raises:
        CheckpointError: there is none, or one is damaged.
    """
    numbered = _numbered(run)
    best = Path(run) if Path(run, _DOCUMENT).exists() else None
    if best is None and not numbered:
        raise CheckpointError(
            f"Expected the directory of a training run, got {run} without {_DOCUMENT} and without "
            f"{_ITERATIONS}/<number>. Give the directory that was trained into."
        )
    if best is None or (numbered and _iteration(numbered[-1]) >= _iteration(best)):
        return numbered[-1]
    return best


def prune(run: str | Path, *, iteration: int, keep: int) -> None:
    """Delete the checkpoints of iterations except for the newest up to this one.

    Args:
        run: the directory of the run.
        iteration: the one that was just saved. Later ones stay: someone went on from an earlier one.
        keep: how many stay of those up to it.
    """
    for old in [path for path in _numbered(run) if int(path.name) <= iteration][:-keep]:
        # Without its document it is no checkpoint any more, should this be interrupted.
        (old / _DOCUMENT).unlink(missing_ok=True)
        shutil.rmtree(old, ignore_errors=True)


def _numbered(run: str | Path) -> list[Path]:
    # As numbers: after iteration 999,999 they have more digits.
    found = [path.parent for path in Path(run, _ITERATIONS).glob(f"*/{_DOCUMENT}") if path.parent.name.isdigit()]
    return sorted(found, key=lambda path: int(path.name))


def _iteration(checkpoint: Path) -> int:
    return StoredAlgorithm.read(checkpoint).state.iteration
