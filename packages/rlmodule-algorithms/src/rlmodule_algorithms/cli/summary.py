"""What a run has reached, where it is saved and what to do next."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from rlmodule_algorithms.cli.directory import LOGS
from rlmodule_algorithms.cli.formatting import plain_number
from rlmodule_algorithms.cli.plan import Plan
from rlmodule_algorithms.training import TrainingOutcome

INTERRUPTED = "interrupted"
"""The reason of an outcome that Ctrl-C ended."""


@dataclass(frozen=True)
class Summary:
    """A finished run.

    Attributes:
        evaluation: what the final evaluation of the best checkpoint gave; None where it was skipped.
        directory: where the run is saved.
    """

    plan: Plan
    outcome: TrainingOutcome
    evaluation: Mapping[str, Any] | None
    directory: Path

    @property
    def interrupted(self) -> bool:
        """Ctrl-C ended the run."""
        return self.outcome.reason == INTERRUPTED

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
    if summary.interrupted:
        return "Interrupted", "yellow"
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
        facts.append(("target", f"{plain_number(target)}, {'met' if summary.target_met else 'not met'}"))
    return [
        *facts,
        ("training", f"{outcome.env_steps:,} steps in {outcome.iterations:,} iterations"),
        ("time", f"{outcome.seconds:,.1f} s, {outcome.cpu_seconds:,.1f} s of CPU"),
        ("saved in", str(summary.directory)),
    ]


def _return(summary: Summary) -> str:
    if summary.evaluation is None:
        best = summary.outcome.best_return
        return "not evaluated" if best is None else f"{best:,.1f} at best in training; not evaluated afresh"
    mean, returns = summary.evaluation["episode_return_mean"], summary.evaluation["episode_returns"]
    span = f"{plain_number(min(returns))} to {plain_number(max(returns))}"
    return f"{mean:,.1f} mean of {len(returns)} fresh greedy episodes on numpy ({span})"


def _next_steps(summary: Summary) -> list[tuple[str, Sequence[str]]]:
    directory = shlex.quote(str(summary.directory))
    steps: list[tuple[str, Sequence[str]]] = []
    if not summary.target_met and not summary.interrupted:
        steps.append(("Try more budget, or another seed:", [_retry(summary)]))
    steps.append(("Play more episodes:", [_command("rlmodule", "evaluate", directory, "--episodes 100")]))
    steps.append(("Serve it, with rlmodule-core alone:", _snippet(summary.directory)))
    steps.append(("See the curves (pip install tensorboard):", [f"tensorboard --logdir {directory}/{LOGS}"]))
    return steps


def _retry(summary: Summary) -> str:
    plan = summary.plan
    parts = ["rlmodule", "train", plan.algorithm, "--env", shlex.quote(plan.env), "--seed", str(plan.seed + 1)]
    if plan.limits.target is not None:
        parts += ["--target", plain_number(plan.limits.target).replace(",", "")]
    if plan.limits.max_env_steps is not None:
        parts += ["--max-steps", str(2 * plan.limits.max_env_steps)]
    if plan.limits.max_seconds is not None:
        parts += ["--max-seconds", f"{2 * plan.limits.max_seconds:g}"]
    return _command(*parts)


def _command(*parts: str) -> str:
    # In an environment of hatch the command is not on the path of the user's shell.
    return " ".join((*(["hatch run"] if "HATCH_ENV_ACTIVE" in os.environ else []), *parts))


def _snippet(directory: Path) -> Sequence[str]:
    return (
        "from rlmodule_core import Policy",
        f'policy = Policy.from_checkpoint({json.dumps(str(directory))}, framework="numpy")',
        "action, _, _ = policy.compute_single_action(obs)",
    )
