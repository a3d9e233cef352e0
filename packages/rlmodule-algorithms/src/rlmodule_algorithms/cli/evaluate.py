"""`rlmodule evaluate`: play episodes with a checkpoint."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
from rich.console import Console
from rich.table import Table

from rlmodule_algorithms.cli.exit_codes import DONE
from rlmodule_algorithms.cli.formatting import mean_number, plain_number
from rlmodule_algorithms.cli.loading import load_framework
from rlmodule_algorithms.cli.options import EvaluateOptions
from rlmodule_algorithms.cli.recorded_env import RecordedEnv, recorded_env
from rlmodule_algorithms.cli.saved_checkpoint import saved_checkpoint
from rlmodule_algorithms.evaluation import evaluate_policy
from rlmodule_algorithms.sampling.closing import close_quietly
from rlmodule_algorithms.sampling.environments import make_env
from rlmodule_core import ConfigError, Policy


def evaluate(options: EvaluateOptions, *, console: Console) -> int:
    """Play the episodes, print their returns and return the exit code.

    Raises:
        RLModuleError: the checkpoint is missing or damaged, or does not fit the environment.
    """
    options = replace(options, checkpoint=saved_checkpoint(options.checkpoint))
    load_framework(options.framework)
    policy = Policy.from_checkpoint(options.checkpoint, framework=options.framework, seed=options.seed)
    env = recorded_env(options.checkpoint, given=options.env)
    _require_fitting_spaces(policy, env)
    with console.status(f"Playing {options.episodes} episodes of {env.env_id}"):
        result = evaluate_policy(
            policy,
            lambda: make_env(env.env_id, env.env_config),
            episodes=options.episodes,
            seed=options.seed,
            explore=options.explore,
        )
    _print_header(console, options, env)
    console.print()
    if options.verbose:
        _print_episodes(console, result, options.seed)
    _print_statistics(console, result["episode_returns"])
    return DONE


def _require_fitting_spaces(policy: Policy, recorded: RecordedEnv) -> None:
    config = policy.module.config
    if config is None:
        return
    env = make_env(recorded.env_id, recorded.env_config)
    try:
        _require_fit("observations", config.observation_space, env.observation_space, recorded.env_id)
        _require_fit("actions", config.action_space, env.action_space, recorded.env_id)
    finally:
        close_quietly(env)


def _require_fit(what: str, expected: gym.Space[Any] | None, actual: gym.Space[Any], env_id: str) -> None:
    fits = expected == actual
    if what == "observations" and isinstance(expected, gym.spaces.Box) and isinstance(actual, gym.spaces.Box):
        # The bounds of observations may differ by version of the environment: no network knows them. Those of
        # actions must not, because actions are mapped to the bounds that are stored.
        fits = expected.shape == actual.shape
    if not fits:
        raise ConfigError(
            f"The checkpoint was made for {what} in {expected}, but those of {env_id} are in {actual}. Give the "
            "environment that it was trained in with --env ID."
        )


def _print_header(console: Console, options: EvaluateOptions, env: RecordedEnv) -> None:
    manner = "exploring" if options.explore else "greedy"
    made_with = "" if env.env_config is None else f" with {env.env_config}"
    console.print(f"{options.checkpoint} on {env.env_id}{made_with}", style="bold", markup=False, soft_wrap=True)
    console.print(f"{options.episodes} {manner} episodes, {options.framework}, seed {options.seed}", style="dim")
    if not env.complete:
        note = "The env_config of the training could not be stored: the environment's defaults are used."
        console.print(note, style="yellow", soft_wrap=True)


def _print_episodes(console: Console, result: dict[str, Any], seed: int) -> None:
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("episode", "seed", "return", "steps"):
        table.add_column(title, justify="right")
    episodes = zip(result["episode_returns"], result["episode_lengths"], strict=True)
    for number, (episode_return, length) in enumerate(episodes):
        table.add_row(str(number + 1), str(seed + number), plain_number(episode_return), str(length))
    console.print(table)
    console.print()


def _print_statistics(console: Console, returns: list[float]) -> None:
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("return", "mean", "std", "min", "max"):
        table.add_column(title if title != "return" else "", justify="right", style="dim" if title == "return" else "")
    values = (np.mean(returns), np.std(returns), min(returns), max(returns))
    table.add_row("return", *(mean_number(float(value)) for value in values))
    console.print(table)
