"""`rlmodule train`: train, save the best, evaluate it, sum up."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from rlmodule_algorithms.cli.arguments import EVALUATION_SEED, TrainOptions
from rlmodule_algorithms.cli.directory import LOGS, claim_directory, default_directory
from rlmodule_algorithms.cli.display import display_for
from rlmodule_algorithms.cli.exit_codes import DONE, INTERRUPTED, TARGET_MISSED
from rlmodule_algorithms.cli.formatting import duration, plain_number
from rlmodule_algorithms.cli.interrupt import deferred_interrupt
from rlmodule_algorithms.cli.limits import Limits
from rlmodule_algorithms.cli.logs import TrainingLog
from rlmodule_algorithms.cli.plan import Plan, plan_training
from rlmodule_algorithms.cli.progress import Progress
from rlmodule_algorithms.cli.summary import INTERRUPTED as BY_INTERRUPT
from rlmodule_algorithms.cli.summary import Summary, print_summary
from rlmodule_algorithms.evaluation import evaluate_policy
from rlmodule_algorithms.sampling.environments import make_env
from rlmodule_algorithms.training import TrainingOutcome
from rlmodule_core import Policy

if TYPE_CHECKING:
    from rlmodule_algorithms.algorithm import Algorithm


def train(options: TrainOptions, *, console: Console) -> int:
    """Run it and return the exit code.

    Raises:
        RLModuleError: an option is wrong, or training cannot go on.
    """
    plan = plan_training(options)
    algorithm = plan.config.build()
    try:
        wanted = default_directory(plan.env, plan.algorithm, plan.seed) if options.out is None else options.out
        directory = claim_directory(wanted)
        if not options.quiet:
            _print_header(console, plan)
        if directory != wanted:
            console.print(f"{wanted} is taken: this run is saved in {directory}.", style="yellow", soft_wrap=True)
        _print_gap(console, options)
        outcome = run(algorithm, plan, directory, console=console, quiet=options.quiet)
    finally:
        algorithm.stop()
    summary = Summary(plan, outcome, _final_evaluation(plan, directory, console), directory)
    _print_gap(console, options)
    print_summary(console, summary)
    if summary.interrupted:
        return INTERRUPTED
    return DONE if summary.target_met else TARGET_MISSED


def run(algorithm: Algorithm, plan: Plan, directory: Path, *, console: Console, quiet: bool) -> TrainingOutcome:
    """Train within the limits, show the progress and write the logs; Ctrl-C ends it as an outcome of its own."""
    progress = Progress(plan.limits)
    started_cpu = time.process_time()

    def stop_soon() -> None:
        progress.stopping = True

    with TrainingLog(directory / LOGS) as log, display_for(console, progress, quiet=quiet) as display:

        def on_result(result: Mapping[str, Any]) -> None:
            progress.update(result)
            log.write(result)
            display.update()
            if progress.stopping:
                raise KeyboardInterrupt

        try:
            with deferred_interrupt(stop_soon):
                return algorithm.train_until(
                    episode_return_mean=plan.limits.bar,
                    max_env_steps=plan.limits.max_env_steps,
                    max_seconds=plan.limits.max_seconds,
                    checkpoint_dir=directory,
                    on_result=on_result,
                )
        except KeyboardInterrupt:
            cpu_seconds = time.process_time() - started_cpu
            return _interrupted(algorithm, progress, directory, cpu_seconds)


def _interrupted(algorithm: Algorithm, progress: Progress, directory: Path, cpu_seconds: float) -> TrainingOutcome:
    has_best = (directory / "algorithm.json").exists()
    return TrainingOutcome(
        reached=False,
        reason=BY_INTERRUPT,
        best_return=progress.best_return,
        env_steps=progress.env_steps,
        iterations=progress.iterations,
        seconds=progress.elapsed,
        cpu_seconds=cpu_seconds,
        checkpoint=directory if has_best else algorithm.save(directory),
    )


def _final_evaluation(plan: Plan, directory: Path, console: Console) -> Mapping[str, Any] | None:
    """Fresh greedy episodes of what is on disk, as a server would run it; None if Ctrl-C skips them."""
    episodes = plan.final_episodes
    try:
        with console.status(f"Evaluating the best checkpoint over {episodes} fresh episodes (Ctrl-C skips this)"):
            policy = Policy.from_checkpoint(directory, framework="numpy")
            return evaluate_policy(
                policy, lambda: make_env(plan.env, plan.config.env_config), episodes=episodes, seed=EVALUATION_SEED
            )
    except KeyboardInterrupt:
        return None


def _print_gap(console: Console, options: TrainOptions) -> None:
    if not options.quiet:
        console.print()


def _print_header(console: Console, plan: Plan) -> None:
    details = [plan.framework, f"seed {plan.seed}", f"{plan.config.num_envs_per_env_runner} environments"]
    if plan.preset is not None:
        details.append(f"preset {plan.preset}")
    if plan.rounded_from is not None:
        details.append(f"train batch {plan.config.train_batch_size:,} ({plan.rounded_from:,} rounded up)")
    console.print(f"{plan.algorithm} on {plan.env}", style="bold", end="", markup=False)
    console.print(f"  {', '.join(details)}", style="dim", markup=False, soft_wrap=True)
    console.print(_goal(plan.limits), style="dim", markup=False, soft_wrap=True)
    if console.is_interactive:
        console.print("Ctrl-C stops and keeps the best.", style="dim")


def _goal(limits: Limits) -> str:
    bounds = []
    if limits.max_env_steps is not None:
        bounds.append(f"{limits.max_env_steps:,} steps")
    if limits.max_seconds is not None:
        bounds.append(duration(limits.max_seconds))
    budget = f"at most {' or '.join(bounds)}"
    if limits.bar is None:
        return f"For {budget}."
    return f"Until greedy episodes average {plain_number(limits.bar)}, {budget}."
