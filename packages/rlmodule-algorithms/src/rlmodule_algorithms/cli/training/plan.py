"""What a run is: the config, when to stop, how to judge it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlmodule_algorithms.cli.limits import Limits
from rlmodule_algorithms.cli.options import TrainOptions
from rlmodule_algorithms.cli.training.goal import limits_for
from rlmodule_algorithms.cli.training.settings_file import SettingsFile, Stop, read_settings
from rlmodule_algorithms.presets import PRESETS, Preset, preset_for
from rlmodule_core import ConfigError, UnknownIdError, nearest, plugins

if TYPE_CHECKING:
    from rlmodule_algorithms.config.algorithm_config import AlgorithmConfig

DEFAULT_ALGORITHM = "PPO"
DEFAULT_ENV = "CartPole-v1"
DEFAULT_EPISODES = 20
DEFAULT_EVALUATION = {"evaluation_interval": 5, "evaluation_duration": 10}
"""The target is a greedy return, so greedy episodes must be played on the way."""

DEFAULT_CHECKPOINT_EVERY = 10
"""Iterations: what a run that is killed loses at most."""


@dataclass(frozen=True)
class Plan:
    """One training run, fully decided.

    Attributes:
        final_episodes: greedy episodes of the evaluation at the end.
        preset: the name of the preset that the settings come from.
        file: the file that they come from.
        rounded_from: the settings' train_batch_size, where the number of environments does not divide it and
            `config` has it rounded up.
        exact: a run that goes on computes what it would have computed without a stop.
    """

    algorithm: str
    env: str
    framework: str
    seed: int | None
    config: AlgorithmConfig
    limits: Limits
    final_episodes: int
    preset: str | None
    file: str | None = None
    rounded_from: int | None = None
    exact: bool = False


def plan_training(options: TrainOptions) -> Plan:
    """Fill what the options leave open from the file, then from the preset, then from the defaults.

    Raises:
        RLModuleError: no such algorithm or preset, with the nearest name; or the file is wrong.
    """
    file = None if options.config is None else read_settings(options.config)
    preset = _chosen_preset(options, file)
    algorithm = _algorithm(options.algorithm, file, preset)
    env = _first(options.env, None if file is None else file.env, None if preset is None else preset.env, DEFAULT_ENV)
    if preset is None and file is None:
        preset = preset_for(algorithm, env)
    config = _config(algorithm, preset, file)
    batch_size = config.train_batch_size
    _apply_options(config, options, env)
    return Plan(
        algorithm=algorithm,
        env=env,
        framework=config.framework_name,
        seed=config.seed,
        config=config,
        limits=limits_for(options, Stop() if file is None else file.stop, preset, env),
        final_episodes=DEFAULT_EPISODES if preset is None else preset.final_episodes,
        preset=None if preset is None else preset.name,
        file=None if file is None else str(file.path),
        rounded_from=None if config.train_batch_size == batch_size else batch_size,
    )


def _config(algorithm: str, preset: Preset | None, file: SettingsFile | None) -> Any:
    config: Any = plugins.load(plugins.ALGORITHMS, algorithm)() if preset is None else preset.make_config()
    if config.evaluation_interval is None:
        config.evaluation(**DEFAULT_EVALUATION)
    if config.checkpoint_every is None:
        config.checkpointing(every=DEFAULT_CHECKPOINT_EVERY)
    if config.seed is None:
        config.debugging(seed=0)
    if config.env is None:
        config.environment(DEFAULT_ENV)
    if file is not None:
        if file.framework is not None:
            config.framework(file.framework)
        file.apply(config)
    return config


def _apply_options(config: Any, options: TrainOptions, env: str) -> None:
    if config.env != env:
        # Settings are those of their own environment.
        config.env_config = None
        config.environment(env)
    if options.framework is not None:
        config.framework(options.framework)
    if options.seed is not None:
        config.debugging(seed=options.seed)
    if options.checkpoint_every is not None:
        config.checkpointing(every=None if options.checkpoint_every == 0 else options.checkpoint_every)
    if options.exact_resume is not None:
        config.checkpointing(exact_resume=options.exact_resume)
    if options.num_envs is not None:
        # Each environment gives equally many rows, and no option of the command line changes the batch.
        rounded = math.ceil(config.train_batch_size / options.num_envs) * options.num_envs
        config.env_runners(num_envs_per_env_runner=options.num_envs).training(train_batch_size=rounded)


def _first(*values: str | None) -> str:
    return next(value for value in values if value is not None)


def _chosen_preset(options: TrainOptions, file: SettingsFile | None) -> Preset | None:
    name = options.preset
    if name is None and file is not None:
        name = file.preset
    if name is None:
        return None
    fitting = (preset for preset in PRESETS.values() if name.lower() in (preset.name, preset.env.lower()))
    preset = next(fitting, None)
    if preset is None:
        known = [known for preset in PRESETS.values() for known in (preset.name, preset.env)]
        raise UnknownIdError(
            f"No preset is named {name!r}, or is for such an environment.{nearest(name, known)} There are: "
            f"{', '.join(f'{preset.name} ({preset.env})' for preset in PRESETS.values())}."
        )
    return preset


def _algorithm(name: str | None, file: SettingsFile | None, preset: Preset | None) -> str:
    given = name if name is not None or file is None else file.algorithm
    wanted = _first(given, None if preset is None else preset.algorithm, DEFAULT_ALGORITHM)
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
