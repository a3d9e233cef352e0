"""What an algorithm that goes on takes from a checkpoint."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlmodule_algorithms.checkpointing.run_directory import run_directory
from rlmodule_algorithms.checkpointing.stored_algorithm import StoredAlgorithm
from rlmodule_algorithms.config.settings import AlgorithmSettings
from rlmodule_algorithms.config.storing import restore_options
from rlmodule_core import CheckpointError, ConfigError, nearest, plugins

_logger = logging.getLogger(__name__)


def stored_config(stored: StoredAlgorithm, given: AlgorithmSettings | None) -> AlgorithmSettings:
    """The options to go on with: an independent copy of those given, else the stored ones.

    Raises:
        CheckpointError: an option has to be passed again, or the algorithm is not installed.
        ConfigError: what is given is no config of the algorithm.
    """
    chosen = _read_config(stored) if given is None else _checked(stored, given)
    if not (stored.entry.exact and chosen.exact_resume):
        _logger.warning(
            "Going on from %s is not exact: environments begin new episodes. Where it must be, train with "
            ".checkpointing(exact_resume=True), and resume from what save() wrote.",
            stored.directory,
        )
    return chosen


def _read_config(stored: StoredAlgorithm) -> AlgorithmSettings:
    name, known = stored.entry.name, plugins.names(plugins.ALGORITHMS)
    if name not in known:
        raise CheckpointError(
            f"{stored.directory} was written by the algorithm {name!r}, which is not installed (found: "
            f"{', '.join(known) or 'none'}).{nearest(name, known)} Pass its config: "
            "Algorithm.from_checkpoint(directory, config=...)."
        )
    config: AlgorithmSettings = plugins.load(plugins.ALGORITHMS, name)()
    restore_options(config, stored.options, where=str(stored.directory))
    return config


def _checked(stored: StoredAlgorithm, given: AlgorithmSettings) -> AlgorithmSettings:
    if not isinstance(given, AlgorithmSettings):
        raise ConfigError(f"config must be an algorithm's config, such as PPOConfig(), got {given!r}.")
    if given.algorithm != stored.entry.name:
        raise ConfigError(
            f"{stored.directory} was written by {stored.entry.name}, but the config is one of {given.algorithm}. Pass "
            f"the config that it was built from, or build a new {given.algorithm} with load_state_path in its spec."
        )
    given.validate()
    return given.copy()


def kept_returns(stored: StoredAlgorithm) -> dict[Path, float]:
    """The mean return that the best checkpoint of the same run was kept for, by its directory."""
    run = run_directory(stored.directory)
    if run == stored.directory.resolve():
        best = stored.entry.kept_return
    elif (run / "algorithm.json").exists():
        best = StoredAlgorithm.read(run).entry.kept_return
    else:
        best = None
    return {} if best is None else {run: best}


@contextmanager
def restored(directory: Path) -> Iterator[None]:
    """Name the checkpoint where a part of the algorithm does not take what is stored of it."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RuntimeError) as error:
        raise CheckpointError(
            f"The algorithm in {directory} cannot go on from what is stored: {type(error).__name__}: {error}. Load it "
            "with the version and the config that wrote it, or take only its modules: RLModule.from_checkpoint."
        ) from error
