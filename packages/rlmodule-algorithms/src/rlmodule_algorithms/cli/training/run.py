"""The training of a run: shown, logged, saved on the way, and stopped by signals between iterations."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from rlmodule_algorithms.checkpointing.run_directory import iteration_directory, prune
from rlmodule_algorithms.cli.display.display import display_for
from rlmodule_algorithms.cli.display.progress import Progress
from rlmodule_algorithms.cli.training.directory import LOGS
from rlmodule_algorithms.cli.training.interrupt import Terminated, deferred_signals
from rlmodule_algorithms.cli.training.logs import TrainingLog
from rlmodule_algorithms.cli.training.plan import Plan
from rlmodule_algorithms.cli.training.rescue import note_what_is_saved
from rlmodule_algorithms.training import TrainingOutcome
from rlmodule_core import RLModuleError

if TYPE_CHECKING:
    from rlmodule_algorithms.algorithm import Algorithm

STOPPED = "stopped"
"""The reason of an outcome that a signal ended."""


class _Stop(BaseException):
    """Ends `train_until` after the iteration."""


class Run:
    """Trains once.

    Attributes:
        stopped_by: the number of the signal that stopped it; None where none did.
    """

    def __init__(self, algorithm: Algorithm, plan: Plan, directory: Path, *, console: Console, quiet: bool) -> None:
        self._algorithm, self._plan, self._directory = algorithm, plan, directory
        self._console, self._quiet = console, quiet
        self._progress = Progress(plan.limits, env_steps=algorithm.env_steps)
        self.stopped_by: int | None = None

    def train(self) -> TrainingOutcome:
        """Train within the limits, or until a signal stops it; the end is saved, so that training can go on from it.

        Raises:
            RLModuleError: training failed; notes say what is saved.
            KeyboardInterrupt: a second Ctrl-C; notes say what is saved.
            Terminated: a second SIGTERM, likewise.
        """
        first_step = self._algorithm.env_steps + 1
        with TrainingLog(self._directory / LOGS, first_step=first_step) as log:
            try:
                return self._train(log)
            except (RLModuleError, KeyboardInterrupt, Terminated) as error:
                note_what_is_saved(error, self._algorithm, self._directory)
                raise

    def _train(self, log: TrainingLog) -> TrainingOutcome:
        display = display_for(self._console, self._progress, quiet=self._quiet)

        def on_result(result: Mapping[str, Any]) -> None:
            self._progress.update(result)
            log.write(result)
            display.update()
            if self.stopped_by is not None:
                raise _Stop

        with display, deferred_signals(self._stop_soon):
            outcome = self._train_until(on_result)
            self._save_the_end()
        return outcome

    def _train_until(self, on_result: Callable[[Mapping[str, Any]], None]) -> TrainingOutcome:
        limits, started_cpu = self._plan.limits, time.process_time()
        try:
            return self._algorithm.train_until(
                episode_return_mean=limits.bar,
                max_env_steps=limits.max_env_steps,
                max_seconds=limits.max_seconds,
                checkpoint_dir=self._directory,
                on_result=on_result,
            )
        except _Stop:
            return TrainingOutcome(
                reached=False,
                reason=STOPPED,
                best_return=self._progress.best_return,
                env_steps=self._algorithm.env_steps,
                iterations=self._algorithm.iteration,
                seconds=self._progress.elapsed,
                cpu_seconds=time.process_time() - started_cpu,
                checkpoint=self._directory if (self._directory / "algorithm.json").exists() else None,
            )

    def _save_the_end(self) -> None:
        iteration = self._algorithm.iteration
        self._algorithm.save(iteration_directory(self._directory, iteration))
        prune(self._directory, iteration=iteration, keep=self._algorithm.config.checkpoint_keep)

    def _stop_soon(self, number: int) -> None:
        self.stopped_by = number
        self._progress.stopping = True
        if not self._quiet and not self._console.is_interactive:
            # No print: the signal may have come in the middle of one. The live display says it by itself.
            with contextlib.suppress(OSError):
                os.write(2, b"Stopping after this iteration; a second signal ends at once.\n")
