"""What a run has reached, where it is saved and what to do next."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from rlmodule_algorithms.cli.commands import command
from rlmodule_algorithms.cli.formatting import mean_number, plain_number
from rlmodule_algorithms.cli.training.directory import LOGS
from rlmodule_algorithms.cli.training.events import events_are_written
from rlmodule_algorithms.cli.training.logs import METRICS
from rlmodule_algorithms.cli.training.plan import Plan
from rlmodule_algorithms.training import TrainingOutcome


@dataclass(frozen=True)
class Summary:
    """A finished run.

    Attributes:
        evaluation: what the final evaluation of the best checkpoint gave; None where it was skipped.
        directory: where the run is saved.
        ended_by: the number of the signal that ended the run; None where none did.
        looks_back: whether the module must be served in a session.
    """

    plan: Plan
    outcome: TrainingOutcome
    evaluation: Mapping[str, Any] | None
    directory: Path
    ended_by: int | None = None
    looks_back: bool = False

    @property
    def target_met(self) -> bool:
        """The best checkpoint returns the target in fresh episodes: those that it was chosen by flatter it."""
        target = self.plan.limits.target
        if target is None:
            return True
        return self.evaluation is not None and float(self.evaluation["episode_return_mean"]) >= target


def print_summary(console: Console, summary: Summary) -> None:
    """Print it, readable at 80 columns; commands stay on one line each."""
    headline, style = _headline(summary)
    console.print(headline, style=f"bold {style}", markup=False)
    console.print()
    for label, text in _facts(summary):
        console.print(Text.assemble((f"{label:>9}  ", "dim"), text), soft_wrap=True)
    for title, lines in _next_steps(summary):
        console.print()
        console.print(title, style="dim", markup=False)
        for line in lines:
            console.print(f"  {line}", soft_wrap=True, markup=False)


def _headline(summary: Summary) -> tuple[str, str]:
    target = summary.plan.limits.target
    if summary.ended_by is not None:
        return "Interrupted" if summary.ended_by == signal.SIGINT else "Terminated", "yellow"
    if target is None:
        return "Training finished", "green"
    if summary.target_met:
        return "Target met", "green"
    if summary.outcome.reached:
        return "Target met in training, but not in fresh episodes", "yellow"
    return "The budget ended before the target was met", "yellow"


def _facts(summary: Summary) -> list[tuple[str, str]]:
    outcome, target = summary.outcome, summary.plan.limits.target
    facts = [("return", _return(summary))]
    if target is not None:
        verdict = "met" if summary.target_met else "not met" if summary.ended_by is None else "not yet met"
        facts.append(("target", f"{plain_number(target)}, {verdict}"))
    return [
        *facts,
        ("training", f"{outcome.env_steps:,} steps in {outcome.iterations:,} iterations"),
        ("time", f"{outcome.seconds:,.1f} s, {outcome.cpu_seconds:,.1f} s of CPU"),
        ("saved in", str(summary.directory)),
    ]


def _return(summary: Summary) -> str:
    if summary.evaluation is None:
        best = summary.outcome.best_return
        return "not evaluated" if best is None else f"{mean_number(best)} at best in training; not evaluated afresh"
    mean, returns = summary.evaluation["episode_return_mean"], summary.evaluation["episode_returns"]
    span = f"{plain_number(min(returns))} to {plain_number(max(returns))}"
    return f"{mean_number(mean)} mean of {len(returns)} fresh greedy episodes on numpy ({span})"


def _next_steps(summary: Summary) -> list[tuple[str, Sequence[str]]]:
    steps: list[tuple[str, Sequence[str]]] = []
    if summary.ended_by is not None:
        steps.append(("Go on from there:", [command("rlmodule", "train", "--resume", summary.directory)]))
    elif not summary.target_met:
        steps.append(("Go on with more budget, or try another seed:", [_more_budget(summary), _another_seed(summary)]))
    if summary.outcome.checkpoint is not None:
        evaluate = command("rlmodule", "evaluate", summary.directory, "--episodes", 100)
        steps.append(("Play more episodes:", [evaluate]))
        steps.append(("Serve it, with rlmodule-core alone:", _snippet(summary)))
    steps.append(_curves(summary.directory / LOGS))
    return steps


def _more_budget(summary: Summary) -> str:
    return command("rlmodule", "train", "--resume", summary.directory, *_twice_the_budget(summary))


def _another_seed(summary: Summary) -> str:
    plan, seed = summary.plan, 1 if summary.plan.seed is None else summary.plan.seed + 1
    parts: list[object] = ["rlmodule", "train", plan.algorithm, "--env", plan.env, "--seed", seed]
    if plan.file is not None:
        parts += ["--config", plan.file]
    if plan.preset is not None:
        parts += ["--preset", plan.preset]
    if plan.limits.target is not None:
        parts += ["--target", f"{plan.limits.target:.15g}"]
    parts += ["--num-envs", plan.config.num_envs_per_env_runner]
    return command(*parts, *_twice_the_budget(summary))


def _twice_the_budget(summary: Summary) -> list[object]:
    limits = summary.plan.limits
    parts: list[object] = []
    if limits.max_env_steps is not None:
        parts += ["--max-steps", 2 * limits.max_env_steps]
    if limits.max_seconds is not None:
        parts += ["--max-seconds", f"{2 * limits.max_seconds:.15g}"]
    return parts


def _curves(logs: Path) -> tuple[str, Sequence[str]]:
    if events_are_written():
        return "See the curves (pip install tensorboard):", [command("tensorboard", "--logdir", logs)]
    return f"The metrics are in {logs / METRICS}; for TensorBoard, before the next run:", [
        'pip install "rlmodule-algorithms[tensorboard]"'
    ]


def _snippet(summary: Summary) -> Sequence[str]:
    acting = ["action, _, _ = policy.compute_single_action(obs)"]
    if summary.looks_back:
        acting = ["session = policy.session(num_envs)", "actions = session.act(obs, rewards)"]
    directory = json.dumps(str(summary.directory))
    policy = f'policy = Policy.from_checkpoint({directory}, framework="numpy")'
    return "from rlmodule_core import Policy", policy, *acting
