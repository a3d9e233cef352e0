"""`rlmodule train`: train, save the best, evaluate it, sum up."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from rlmodule_algorithms.cli.exit_codes import DONE, TARGET_MISSED, after_signal
from rlmodule_algorithms.cli.loading import load_framework
from rlmodule_algorithms.cli.options import EVALUATION_SEED, TrainOptions
from rlmodule_algorithms.cli.training.directory import claim_directory, default_directory
from rlmodule_algorithms.cli.training.header import print_header
from rlmodule_algorithms.cli.training.plan import Plan, plan_training
from rlmodule_algorithms.cli.training.resume import resume
from rlmodule_algorithms.cli.training.run import Run
from rlmodule_algorithms.cli.training.run_lock import only_process_in
from rlmodule_algorithms.cli.training.run_record import RunRecord, write_record
from rlmodule_algorithms.cli.training.summary import Summary, print_summary
from rlmodule_algorithms.evaluation import evaluate_policy
from rlmodule_algorithms.sampling.environments import make_env
from rlmodule_algorithms.sampling.memory import looks_back
from rlmodule_core import Policy, RLModuleError

if TYPE_CHECKING:
    from rlmodule_algorithms.algorithm import Algorithm


def train(options: TrainOptions, *, console: Console) -> int:
    """Run it and return the exit code.

    Raises:
        RLModuleError: an option is wrong, or training cannot go on.
    """
    plan, algorithm, directory = _begin(options)
    try:
        with only_process_in(directory):
            record = RunRecord.of(plan.limits, final_episodes=plan.final_episodes, preset=plan.preset)
            write_record(directory, record)
            if not options.quiet:
                print_header(console, plan, algorithm)
            if options.out not in (None, directory):
                console.print(
                    f"{options.out} is taken: this run is saved in {directory}.", style="yellow", soft_wrap=True
                )
            if not options.quiet:
                console.print()
            run = Run(algorithm, plan, directory, console=console, quiet=options.quiet)
            outcome = run.train()
    finally:
        algorithm.stop()
    evaluation, ended_by = None, run.stopped_by
    if ended_by is None:
        try:
            evaluation = _final_evaluation(plan, directory, console)
        except KeyboardInterrupt:
            ended_by = signal.SIGINT
    summary = Summary(plan, outcome, evaluation, directory, ended_by, looks_back(algorithm.get_module()))
    if not options.quiet:
        console.print()
    print_summary(console, summary)
    if ended_by is not None:
        return after_signal(ended_by)
    return DONE if summary.target_met else TARGET_MISSED


def _begin(options: TrainOptions) -> tuple[Plan, Algorithm, Path]:
    """What is to be done, with what, and where it is saved."""
    if options.resume is not None:
        return resume(options, options.resume)
    try:
        plan = plan_training(options)
        load_framework(plan.framework)
        algorithm = plan.config.build()
    except RLModuleError as error:
        if options.config is not None and str(options.config) not in str(error):
            error.add_note(f"The settings come from {options.config}.")
        raise
    try:
        wanted = default_directory(plan.env, plan.algorithm, plan.seed) if options.out is None else options.out
        return plan, algorithm, claim_directory(wanted)
    except BaseException:
        algorithm.stop()
        raise


def _final_evaluation(plan: Plan, directory: Path, console: Console) -> Mapping[str, Any]:
    """Fresh greedy episodes of what is on disk, as a server would run it."""
    episodes = plan.final_episodes
    try:
        with console.status(f"Evaluating the best checkpoint over {episodes} fresh episodes (Ctrl-C skips this)"):
            policy = Policy.from_checkpoint(directory, framework="numpy")
            return evaluate_policy(
                policy, lambda: make_env(plan.env, plan.config.env_config), episodes=episodes, seed=EVALUATION_SEED
            )
    except RLModuleError as error:
        error.add_note(f"The training itself has ended, and is saved in {directory}.")
        raise
