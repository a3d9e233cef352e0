"""What an algorithm's checkpoint says of the algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlmodule_algorithms.checkpointing.stored_algorithm import StoredAlgorithm
from rlmodule_algorithms.config.storing import store_options
from rlmodule_core import RLModuleError, plugins


@dataclass(frozen=True)
class AlgorithmFacts:
    """An algorithm at some iteration.

    Attributes:
        version: of rlmodule-algorithms.
        env: the id of the environment; None where it was none.
        options: those that differ from the defaults; all of them where the algorithm is not installed.
        passed_again: options that no file holds, by what they were.
        recent_return_mean: of the last training episodes; None before one ended.
        kept_return: the mean return that the checkpoint was kept for; None for one that was saved anyway.
        acted_with: the framework of the module that sampled.
        exact: going on from it is exact.
    """

    name: str
    version: str
    env: str | None
    options: Mapping[str, Any]
    passed_again: Mapping[str, Any]
    iteration: int
    env_steps: int
    episodes: int
    recent_return_mean: float | None
    kept_return: float | None
    acted_with: str | None
    exact: bool


def algorithm_facts(directory: Path) -> AlgorithmFacts:
    """Describe the algorithm of a checkpoint.

    Raises:
        CheckpointError: it is damaged.
    """
    stored = StoredAlgorithm.read(directory)
    entry, state = stored.entry, stored.state
    recent, env = state.recent_returns, entry.options.get("env")
    defaults = _defaults(entry.name)
    return AlgorithmFacts(
        name=entry.name,
        version=entry.version,
        env=env if isinstance(env, str) else None,
        options={
            name: value
            for name, value in entry.options.items()
            if name != "env" and (name not in defaults or defaults[name] != value)
        },
        passed_again=entry.by_name,
        iteration=state.iteration,
        env_steps=state.env_steps,
        episodes=state.episodes,
        recent_return_mean=sum(recent) / len(recent) if recent else None,
        kept_return=entry.kept_return,
        acted_with=entry.acted_with,
        exact=entry.exact,
    )


def _defaults(algorithm: str) -> Mapping[str, Any]:
    try:
        return store_options(plugins.load(plugins.ALGORITHMS, algorithm)()).values
    except RLModuleError:
        return {}
