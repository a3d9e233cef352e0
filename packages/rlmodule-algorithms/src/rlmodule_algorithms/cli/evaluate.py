"""`rlmodule evaluate`: play episodes with a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from rich.console import Console
from rich.table import Table

from rlmodule_algorithms.checkpointing import ALGORITHM_SECTION
from rlmodule_algorithms.cli.arguments import EvaluateOptions
from rlmodule_algorithms.cli.exit_codes import DONE
from rlmodule_algorithms.cli.formatting import plain_number
from rlmodule_algorithms.evaluation import evaluate_policy
from rlmodule_algorithms.sampling.environments import make_env
from rlmodule_core import ConfigError, Policy, RLModuleConfig
from rlmodule_core.checkpoint import read_checkpoint


def evaluate(options: EvaluateOptions, *, console: Console) -> int:
    """Play the episodes, print their returns and return the exit code.

    Raises:
        RLModuleError: the checkpoint is missing or damaged, or does not fit the environment.
    """
    policy = Policy.from_checkpoint(options.checkpoint, framework=options.framework, seed=options.seed)
    env_id = recorded_env(options.checkpoint) if options.env is None else options.env
    _require_fitting_spaces(policy, env_id)
    with console.status(f"Playing {options.episodes} episodes of {env_id}"):
        result = evaluate_policy(
            policy, lambda: make_env(env_id), episodes=options.episodes, seed=options.seed, explore=options.explore
        )
    manner = "exploring" if options.explore else "greedy"
    console.print(f"{options.checkpoint} on {env_id}", style="bold", markup=False, soft_wrap=True)
    console.print(f"{options.episodes} {manner} episodes, {options.framework}, seed {options.seed}", style="dim")
    console.print()
    if options.verbose:
        _print_episodes(console, result, options.seed)
    _print_statistics(console, result["episode_returns"])
    return DONE


def recorded_env(checkpoint: Path) -> str:
    """The id of the environment that the checkpoint was trained in.

    Raises:
        ConfigError: it records none, or one whose name would import a module.
    """
    env_id = read_checkpoint(checkpoint).document.get(ALGORITHM_SECTION, {}).get("env")
    if not isinstance(env_id, str):
        raise ConfigError(f"The checkpoint {checkpoint} records no environment id. Give one with --env ID.")
    if ":" in env_id:
        raise ConfigError(
            f"The checkpoint {checkpoint} names the environment {env_id!r}, which would import the module before the "
            f"colon. If you trust it, give it yourself: --env {env_id}"
        )
    return env_id


def _require_fitting_spaces(policy: Policy, env_id: str) -> None:
    config = policy.module.config
    if config is None:
        return
    env = make_env(env_id)
    try:
        _require_fit("observations", config, "observation_space", env.observation_space, env_id)
        _require_fit("actions", config, "action_space", env.action_space, env_id)
    finally:
        env.close()


def _require_fit(what: str, config: RLModuleConfig, field: str, actual: gym.Space[Any], env_id: str) -> None:
    expected = getattr(config, field)
    # Bounds may differ by version of the environment; the network only knows kind and shape.
    fits = type(expected) is type(actual) and expected.shape == actual.shape
    if not fits or (isinstance(actual, gym.spaces.Discrete) and expected != actual):
        raise ConfigError(
            f"The checkpoint was made for {what} in {expected}, but those of {env_id} are in {actual}. Give the "
            "environment that it was trained in with --env ID."
        )


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
    table.add_row("return", *(f"{value:,.1f}" for value in values))
    console.print(table)
