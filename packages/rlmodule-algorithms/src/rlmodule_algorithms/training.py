"""Train until a goal is reached or a budget is spent, keeping the best."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rlmodule_algorithms.checkpointing.run_directory import iteration_directory, prune
from rlmodule_algorithms.config.settings import AlgorithmSettings
from rlmodule_algorithms.config.validation import refuse, require_count, require_number, require_positive
from rlmodule_core import ConfigError


class Trainable(Protocol):
    """What can be trained until something is reached."""

    config: AlgorithmSettings
    iteration: int
    env_steps: int
    best_returns: dict[Path, float]
    """The return that the checkpoint in a directory was kept for, by the directory's full path."""

    def train(self) -> dict[str, Any]:
        """Run one iteration."""

    def save(self, directory: str | Path) -> Path:
        """Write a checkpoint."""

    def save_best(self, directory: str | Path, episode_return_mean: float) -> Path:
        """Write a checkpoint that is kept for its return, and note it in `best_returns`."""


@dataclass(frozen=True)
class TrainingOutcome:
    """How a training run ended.

    Attributes:
        reached: the return was reached.
        reason: which limit ended the run: "episode_return_mean", "max_env_steps" or "max_seconds".
        best_return: the best mean return seen; None before any episode ended.
        env_steps: environment steps of the algorithm's life.
        iterations: iterations of the algorithm's life.
        seconds: wall time of this run.
        cpu_seconds: processor time of this run.
        checkpoint: where the best algorithm is kept; None without a `checkpoint_dir`.
    """

    reached: bool
    reason: str
    best_return: float | None
    env_steps: int
    iterations: int
    seconds: float
    cpu_seconds: float
    checkpoint: Path | None


def train_until(
    algorithm: Trainable,
    *,
    episode_return_mean: float | None,
    max_env_steps: int | None,
    max_seconds: float | None,
    checkpoint_dir: str | Path | None,
    on_result: Callable[[Mapping[str, Any]], None] | None,
) -> TrainingOutcome:
    """See `Algorithm.train_until`."""
    _validate(episode_return_mean, max_env_steps, max_seconds, on_result)
    keeper = None if checkpoint_dir is None else _Keeper(algorithm, checkpoint_dir)
    started, started_cpu = time.perf_counter(), time.process_time()
    best: float | None = None
    while True:
        result = algorithm.train()
        score = _score(algorithm, result)
        if score is not None and (best is None or score > best):
            best = score
            if keeper is not None:
                keeper.offer(score)
        if keeper is not None:
            keeper.save_scheduled()
        # The best is kept before anyone is told of it, who may want to stop here.
        if on_result is not None:
            on_result(result)
        seconds = time.perf_counter() - started
        reason = _reason(
            ("episode_return_mean", score, episode_return_mean),
            ("max_env_steps", algorithm.env_steps, max_env_steps),
            ("max_seconds", seconds, max_seconds),
        )
        if reason is not None:
            break
    return TrainingOutcome(
        reached=reason == "episode_return_mean",
        reason=reason,
        best_return=best,
        env_steps=algorithm.env_steps,
        iterations=algorithm.iteration,
        seconds=seconds,
        cpu_seconds=time.process_time() - started_cpu,
        checkpoint=None if keeper is None else keeper.finish(),
    )


class _Keeper:
    """Keeps the best checkpoint of an algorithm in a directory, over several runs of the same algorithm."""

    def __init__(self, algorithm: Trainable, directory: str | Path) -> None:
        if not isinstance(directory, str | Path) or not str(directory).strip():
            refuse("checkpoint_dir", directory, "the path of a directory")
        self._algorithm = algorithm
        self._directory = Path(directory)
        self._key = self._directory.resolve()
        if not (self._key / "algorithm.json").exists():
            # Someone has taken the checkpoint away: nothing that is kept here is better.
            algorithm.best_returns.pop(self._key, None)

    def offer(self, score: float) -> None:
        """Save if this is better than what is kept."""
        kept = self._algorithm.best_returns.get(self._key)
        if kept is None or score > kept:
            self._algorithm.save_best(self._directory, score)

    def save_scheduled(self) -> None:
        """Save this iteration if it is one to be saved."""
        config, iteration = self._algorithm.config, self._algorithm.iteration
        if config.checkpoint_every is not None and iteration % config.checkpoint_every == 0:
            self._algorithm.save(iteration_directory(self._directory, iteration))
            prune(self._directory, iteration=iteration, keep=config.checkpoint_keep)

    def finish(self) -> Path:
        """Where the best is kept; where nothing was scored, that is what there is now."""
        if self._key not in self._algorithm.best_returns:
            self._algorithm.save(self._directory)
        return self._directory


def _validate(
    episode_return_mean: float | None,
    max_env_steps: int | None,
    max_seconds: float | None,
    on_result: Callable[[Mapping[str, Any]], None] | None,
) -> None:
    if episode_return_mean is None and max_env_steps is None and max_seconds is None:
        raise ConfigError("train_until() needs a limit: episode_return_mean=, max_env_steps= or max_seconds=.")
    if episode_return_mean is not None:
        require_number("episode_return_mean", episode_return_mean, low=-math.inf)
    if max_env_steps is not None:
        require_count("max_env_steps", max_env_steps)
    if max_seconds is not None:
        require_positive("max_seconds", max_seconds)
    if on_result is not None and not _takes_one_argument(on_result):
        refuse("on_result", on_result, "a function of the result, or None")


def _takes_one_argument(function: Any) -> bool:
    if not callable(function):
        return False
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:
        # Some callables in C tell nothing of their arguments.
        return True
    return True


def _score(algorithm: Trainable, result: Mapping[str, Any]) -> float | None:
    """The mean return that this iteration is judged by, if it has one."""
    if algorithm.config.evaluation_interval is not None:
        evaluation = result.get("evaluation")
        return None if evaluation is None else float(evaluation["episode_return_mean"])
    score = float(result["env_runners"]["episode_return_mean"])
    return None if math.isnan(score) else score


def _reason(*limits: tuple[str, float | None, float | None]) -> str | None:
    """The first limit that is reached."""
    for name, value, limit in limits:
        if value is not None and limit is not None and value >= limit:
            return name
    return None
