"""What is said and saved when training fails."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rlmodule_algorithms.checkpointing.run_directory import iteration_directory, latest_checkpoint
from rlmodule_algorithms.checkpointing.stored_algorithm import StoredAlgorithm
from rlmodule_algorithms.cli.commands import command
from rlmodule_algorithms.cli.training.run_record import read_record, write_record
from rlmodule_algorithms.errors import LogError
from rlmodule_core import CheckpointError, RLModuleError

if TYPE_CHECKING:
    from rlmodule_algorithms.algorithm import Algorithm


def note_what_is_saved(error: BaseException, algorithm: Algorithm, directory: Path) -> None:
    """Add to the error from where training can go on.

    Where only writing failed, the iteration is whole: it is saved, in another place if need be.
    """
    if isinstance(error, CheckpointError | LogError):
        place = _save_somewhere(algorithm, directory)
        if place is not None:
            error.add_note(
                f"The run is saved as it is after iteration {algorithm.iteration}, in {place}. Go on: "
                f"{command('rlmodule', 'train', '--resume', place)}"
            )
            return
    newest = newest_iteration(directory)
    if newest is None:
        error.add_note(f"Nothing of the run was saved: it had come to iteration {algorithm.iteration}.")
    else:
        error.add_note(
            f"The newest checkpoint is that of iteration {newest}; the run had come to {algorithm.iteration}. Go on: "
            f"{command('rlmodule', 'train', '--resume', directory)}"
        )


def newest_iteration(directory: Path) -> int | None:
    """The iteration from which the run can go on; None where nothing is saved."""
    try:
        return StoredAlgorithm.read(latest_checkpoint(directory)).state.iteration
    except RLModuleError:
        return None


def _save_somewhere(algorithm: Algorithm, directory: Path) -> Path | None:
    if newest_iteration(directory) == algorithm.iteration:
        return directory
    with contextlib.suppress(RLModuleError):
        algorithm.save(iteration_directory(directory, algorithm.iteration))
        return directory
    with contextlib.suppress(RLModuleError, OSError):
        # It may lie on another disk.
        place = Path(tempfile.mkdtemp(prefix="rlmodule-"))
        try:
            algorithm.save(place)
            record = read_record(directory)
            if record is not None:
                write_record(place, record)
            return place
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
    return None
