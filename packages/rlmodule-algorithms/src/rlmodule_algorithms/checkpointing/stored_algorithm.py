"""An algorithm as a checkpoint: what is written, and what is read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlmodule_algorithms.__about__ import __version__
from rlmodule_algorithms.config.settings import AlgorithmSettings
from rlmodule_algorithms.config.storing import StoredOptions, store_options
from rlmodule_core import RLModule
from rlmodule_core.checkpoint import SECTION, StoredModules, describe_modules, from_fields, write_checkpoint
from rlmodule_core.plans import Weights

ALGORITHM_SECTION = "algorithm"
"""The key of a checkpoint's document under which the algorithm is described."""

_LEARNER = "learner."
"""Starts the names of the learner's payloads."""


@dataclass(frozen=True)
class AlgorithmState:
    """Counters and random states.

    Attributes:
        iteration: how often `train()` has run.
        env_steps: environment steps sampled.
        episodes: episodes that ended.
        recent_returns: of the last episodes.
        entropy: what all seeds follow from.
        learner: the learner's own.
        acting_rng: of the generator that draws actions.
        reward_scaling: the statistics that rewards are scaled by; None where they are not.
    """

    iteration: int
    env_steps: int
    episodes: int
    recent_returns: list[float]
    entropy: int
    learner: Mapping[str, Any]
    acting_rng: Mapping[str, Any]
    reward_scaling: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if min(self.iteration, self.env_steps, self.episodes, self.entropy) < 0:
            raise ValueError("Counters and the entropy cannot be negative.")


@dataclass(frozen=True)
class AlgorithmEntry:
    """What a document says of the algorithm, beside its modules.

    Attributes:
        name: the registered name.
        version: of rlmodule-algorithms.
        options: those that JSON holds.
        by_name: what the other options were; they are passed again.
        acted_with: the framework of the module that sampled.
        kept_return: the mean return that the checkpoint was kept for; None for one that was saved anyway.
        exact: the environments started anew when this was saved, so that going on is exact.
        state: an AlgorithmState.
    """

    name: str
    version: str
    options: Mapping[str, Any]
    by_name: Mapping[str, Any]
    acted_with: str | None
    kept_return: float | None
    exact: bool
    state: Mapping[str, Any]


@dataclass(frozen=True)
class StoredAlgorithm:
    """A checkpoint of an algorithm, whole and checked."""

    entry: AlgorithmEntry
    state: AlgorithmState
    modules: StoredModules

    @classmethod
    def read(cls, directory: str | Path) -> StoredAlgorithm:
        """Read it.

        Raises:
            CheckpointError: it is missing or damaged, or is none of an algorithm.
        """
        modules = StoredModules.read(directory, kinds=("algorithm",))
        modules.checkpoint.verify()
        where = f"{ALGORITHM_SECTION} of {modules.checkpoint.directory}"
        entry = from_fields(AlgorithmEntry, modules.checkpoint.document.get(ALGORITHM_SECTION), where=where)
        return cls(entry, from_fields(AlgorithmState, entry.state, where=f"{where}, state"), modules)

    @property
    def directory(self) -> Path:
        """Where it was read from."""
        return self.modules.checkpoint.directory

    @property
    def options(self) -> StoredOptions:
        """The options of the algorithm that wrote it."""
        return StoredOptions(self.entry.options, self.entry.by_name)

    def learner_arrays(self) -> dict[str, Weights]:
        """What the learner gave to store, by its own names."""
        checkpoint = self.modules.checkpoint
        names = [name for name in checkpoint.payload_names if name.startswith(_LEARNER)]
        return {name.removeprefix(_LEARNER): checkpoint.payload(name) for name in names}


def save_algorithm(
    directory: str | Path,
    *,
    config: AlgorithmSettings,
    modules: Mapping[str, RLModule],
    learner_arrays: Mapping[str, Weights],
    acted_with: str | None,
    state: AlgorithmState,
    kept_return: float | None,
    exact: bool,
) -> Path:
    """Write the modules, the learner's arrays, the options, the counters and the random states.

    Raises:
        CheckpointError: it cannot be written.
    """
    section, payloads = describe_modules(modules)
    options = store_options(config)
    entry = AlgorithmEntry(
        name=config.algorithm,
        version=__version__,
        options=options.values,
        by_name=options.by_name,
        acted_with=acted_with,
        kept_return=kept_return,
        exact=exact,
        state=asdict(state),
    )
    return write_checkpoint(
        directory,
        kind="algorithm",
        document={SECTION: section, ALGORITHM_SECTION: vars(entry)},
        payloads={**payloads, **{f"{_LEARNER}{name}": arrays for name, arrays in learner_arrays.items()}},
    )
