"""What a run is about, before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from rlmodule_algorithms.cli.formatting import duration, plain_number
from rlmodule_algorithms.cli.limits import Limits
from rlmodule_algorithms.cli.training.plan import Plan

if TYPE_CHECKING:
    from rlmodule_algorithms.algorithm import Algorithm


def print_header(console: Console, plan: Plan, algorithm: Algorithm) -> None:
    """Print what is trained, from where and until when."""
    console.print(f"{plan.algorithm} on {plan.env}", style="bold", end="", markup=False)
    console.print(f"  {', '.join(_details(plan))}", style="dim", markup=False, soft_wrap=True)
    if algorithm.iteration:
        begun = "as if never stopped" if plan.exact else "in new episodes"
        steps = f"{algorithm.iteration:,}, {algorithm.env_steps:,} steps"
        console.print(f"Going on from iteration {steps}, {begun}.", style="dim", soft_wrap=True)
    console.print(_goal(plan.limits), style="dim", markup=False, soft_wrap=True)
    if console.is_interactive:
        console.print("Ctrl-C stops, saves and tells how to go on.", style="dim")


def _details(plan: Plan) -> list[str]:
    seed = "no seed" if plan.seed is None else f"seed {plan.seed}"
    details = [plan.framework, seed, f"{plan.config.num_envs_per_env_runner} environments"]
    if plan.file is not None:
        details.append(f"settings of {plan.file}")
    if plan.preset is not None:
        details.append(f"preset {plan.preset}")
    if plan.rounded_from is not None:
        details.append(f"train batch {plan.config.train_batch_size:,} ({plan.rounded_from:,} rounded up)")
    return details


def _goal(limits: Limits) -> str:
    bounds = []
    if limits.max_env_steps is not None:
        bounds.append(f"{limits.max_env_steps:,} steps")
    if limits.max_seconds is not None:
        bounds.append(duration(limits.max_seconds))
    budget = f"at most {' or '.join(bounds)}"
    if limits.bar is None:
        return f"For {budget}."
    return f"Until greedy episodes average {plain_number(limits.bar)}{', ' + budget if bounds else ''}."
