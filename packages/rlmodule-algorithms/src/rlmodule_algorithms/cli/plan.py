"""What a run is: the config, when to stop, how to judge it."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from rlmodule_algorithms.cli.arguments import TrainOptions
from rlmodule_algorithms.cli.limits import Limits
from rlmodule_algorithms.presets import PRESETS, Preset, preset_for
from rlmodule_core import ConfigError, UnknownIdError, nearest, plugins

if TYPE_CHECKING:
    from rlmodule_algorithms.config.algorithm_config import AlgorithmConfig

DEFAULT_ALGORITHM = "PPO"
DEFAULT_ENV = "CartPole-v1"
DEFAULT_MAX_STEPS = 500_000
DEFAULT_EPISODES = 20
DEFAULT_EVALUATION = {"evaluation_interval": 5, "evaluation_duration": 10}
"""The target is a greedy return, so greedy episodes must be played on the way."""


@dataclass(frozen=True)
class Plan:
    """One training run, fully decided.

    Attributes:
        final_episodes: greedy episodes of the evaluation at the end.
        preset: the name of the preset that the settings come from.
        rounded_from: the settings' train_batch_size, where the number of environments does not divide it and
            `config` has it rounded up.
    """

    algorithm: str
    env: str
    framework: str
    seed: int
    config: AlgorithmConfig
    limits: Limits
    final_episodes: int
    preset: str | None
    rounded_from: int | None = None


def plan_training(options: TrainOptions) -> Plan:
    """Fill what the options leave open from the preset, then from the defaults.

    Raises:
        RLModuleError: no such algorithm or preset; names the nearest.
    """
    preset = None if options.preset is None else _preset(options.preset)
    algorithm = _algorithm(options.algorithm, preset)
    env = _first(options.env, None if preset is None else preset.env, DEFAULT_ENV)
    if preset is None:
        preset = preset_for(algorithm, env)
    config: Any = plugins.load(plugins.ALGORITHMS, algorithm)() if preset is None else preset.make_config()
    if config.evaluation_interval is None:
        config = config.evaluation(**DEFAULT_EVALUATION)
    config = config.environment(env).framework(options.framework).debugging(seed=options.seed)
    batch_size = config.train_batch_size
    if options.num_envs is not None:
        # Each environment gives equally many rows, and no option of the command line changes the batch.
        rounded = math.ceil(batch_size / options.num_envs) * options.num_envs
        config = config.env_runners(num_envs_per_env_runner=options.num_envs).training(train_batch_size=rounded)
    return Plan(
        algorithm=algorithm,
        env=env,
        framework=options.framework,
        seed=options.seed,
        config=config,
        limits=_limits(options, preset, env),
        final_episodes=DEFAULT_EPISODES if preset is None else preset.final_episodes,
        preset=None if preset is None else preset.name,
        rounded_from=None if config.train_batch_size == batch_size else batch_size,
    )


def _first(*values: str | None) -> str:
    return next(value for value in values if value is not None)


def _preset(name: str) -> Preset:
    if name not in PRESETS:
        raise UnknownIdError(f"No preset is named {name!r}.{nearest(name, PRESETS)} There are: {', '.join(PRESETS)}.")
    return PRESETS[name]


def _algorithm(name: str | None, preset: Preset | None) -> str:
    wanted = _first(name, None if preset is None else preset.algorithm, DEFAULT_ALGORITHM)
    known = plugins.names(plugins.ALGORITHMS)
    algorithm = next((entry for entry in known if entry.lower() == wanted.lower()), None)
    if algorithm is None:
        hint = nearest(wanted.upper(), known)
        raise UnknownIdError(f"No algorithm is named {wanted!r}.{hint} There are: {', '.join(known)}.")
    if preset is not None and algorithm != preset.algorithm:
        raise ConfigError(
            f"The preset {preset.name!r} is for {preset.algorithm}, not for {algorithm}. Leave one of them out."
        )
    return algorithm


def _limits(options: TrainOptions, preset: Preset | None, env: str) -> Limits:
    """The user's budgets replace the preset's: a preset's 90 seconds would cut `--max-steps 10000000` short."""
    target, stop_at = options.target, None
    if target is None and preset is not None and preset.env == env:
        target, stop_at = preset.target, preset.stop_at
    elif target is None:
        target = _reward_threshold(env)
    if options.max_steps is not None or options.max_seconds is not None:
        return Limits(target, options.max_steps, options.max_seconds, stop_at)
    if preset is not None:
        return Limits(target, preset.max_env_steps, preset.max_seconds, stop_at)
    return Limits(target, max_env_steps=DEFAULT_MAX_STEPS)


def _reward_threshold(env: str) -> float | None:
    # An unknown id is an error of build(), which says more.
    with contextlib.suppress(gym.error.Error, ModuleNotFoundError):
        return gym.spec(env).reward_threshold
    return None
