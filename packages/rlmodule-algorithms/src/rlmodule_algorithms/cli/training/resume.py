"""Go on with a run that was stopped or killed."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlmodule_algorithms.algorithm import Algorithm
from rlmodule_algorithms.checkpointing.run_directory import latest_checkpoint, run_directory
from rlmodule_algorithms.checkpointing.stored_algorithm import StoredAlgorithm
from rlmodule_algorithms.cli.limits import Limits
from rlmodule_algorithms.cli.loading import load_framework
from rlmodule_algorithms.cli.options import TrainOptions
from rlmodule_algorithms.cli.training.goal import changed_limits, usual_limits
from rlmodule_algorithms.cli.training.plan import DEFAULT_CHECKPOINT_EVERY, DEFAULT_EPISODES, Plan
from rlmodule_algorithms.cli.training.run_record import RunRecord, read_record
from rlmodule_algorithms.config.storing import restore_options
from rlmodule_algorithms.presets import preset_for
from rlmodule_core import CheckpointError, ConfigError, plugins

if TYPE_CHECKING:
    from rlmodule_algorithms.config.algorithm_config import AlgorithmConfig

logging.getLogger("rlmodule_algorithms.checkpointing.resuming").addHandler(logging.NullHandler())


def resume(options: TrainOptions, wanted: Path) -> tuple[Plan, Algorithm, Path]:
    """The plan of the run in a directory, its algorithm from the newest checkpoint, and the directory.

    Raises:
        RLModuleError: there is no run, its checkpoint is damaged, an option contradicts it, or its budget is spent.
    """
    try:
        checkpoint = _newest(wanted)
        stored = StoredAlgorithm.read(checkpoint)
    except CheckpointError as error:
        if (wanted / "iterations").is_dir():
            error.add_note(f"Where only the newest checkpoint in {wanted} is damaged, delete it and resume again.")
        raise
    except OSError as error:
        raise CheckpointError(
            f"Expected to read a training run from {wanted}, got {type(error).__name__}: {error}. Check the path and "
            "its permissions."
        ) from error
    directory = run_directory(wanted)
    if directory == wanted.resolve():
        # As the user wrote it, for the messages.
        directory = wanted
    record = read_record(directory)
    _require_compatible(options, stored, record, wanted)
    config = _changed_config(options, stored)
    recorded = stored.entry.options.get("framework_name") if config is None else config.framework_name
    if isinstance(recorded, str):
        load_framework(recorded)
    algorithm = Algorithm.from_checkpoint(checkpoint, config=config)
    try:
        plan = replace(
            _plan(options, algorithm.config, record), exact=stored.entry.exact and algorithm.config.exact_resume
        )
        _require_budget(plan.limits, algorithm.env_steps, wanted)
    except BaseException:
        algorithm.stop()
        raise
    return plan, algorithm, directory


def _newest(wanted: Path) -> Path:
    if wanted.is_dir() and (wanted / "rl_module.json").exists():
        raise ConfigError(
            f"{wanted} holds a module alone, without the optimizer and the counters that training goes on with. Give "
            "--resume the directory of a training run, or build a new algorithm whose module spec has "
            f"load_state_path={str(wanted)!r}."
        )
    checkpoint = latest_checkpoint(wanted)
    newest = latest_checkpoint(run_directory(wanted))
    if checkpoint.resolve() != newest.resolve():
        raise ConfigError(
            f"{wanted} is not the newest checkpoint of its run, which is {newest}: going on from it would mix up two "
            f"courses of training. Resume {run_directory(wanted)}, or copy {wanted} to another place and resume that."
        )
    return checkpoint


def _require_compatible(options: TrainOptions, stored: StoredAlgorithm, record: RunRecord | None, wanted: Path) -> None:
    values = stored.entry.options
    known: dict[str, tuple[Any, Any]] = {
        "ALGORITHM": (None if options.algorithm is None else options.algorithm.lower(), stored.entry.name.lower()),
        "--env": (options.env, values.get("env")),
        "--seed": (options.seed, values.get("seed")),
        "--num-envs": (options.num_envs, values.get("num_envs_per_env_runner")),
        "--exact-resume": (options.exact_resume, values.get("exact_resume")),
        "--preset": (options.preset, None if record is None else record.preset),
        "--config": (options.config, None),
        "--out": (options.out, wanted),
    }
    refused = [
        f"{name} {given}" for name, (given, recorded) in known.items() if given is not None and given != recorded
    ]
    if refused:
        raise ConfigError(
            f"--resume goes on with the settings of {wanted}, which these contradict: {', '.join(refused)}. Leave them "
            "out; only --framework, --target, --max-steps, --max-seconds and --checkpoint-every can change."
        )


def _changed_config(options: TrainOptions, stored: StoredAlgorithm) -> AlgorithmConfig | None:
    """The stored options, where they go on in another framework, or the user repeats an id that would import a module.

    None where nothing is changed: then the library reads them.
    """
    env, recorded = options.env, stored.entry.options.get("env")
    foreign = isinstance(recorded, str) and ":" in recorded
    moved = options.framework not in (None, stored.entry.options.get("framework_name"))
    if not foreign and not moved:
        return None
    if foreign and env is None:
        raise ConfigError(
            f"{stored.directory} names the environment {recorded!r}, which would import the module before the colon. "
            f"If you trust it, repeat it: --env {recorded}"
        )
    config: Any = plugins.load(plugins.ALGORITHMS, stored.entry.name)()
    harmless = str(recorded).rpartition(":")[2]
    restore_options(
        config,
        replace(stored.options, values={**stored.options.values, "env": harmless if foreign else recorded}),
        where=str(stored.directory),
    )
    if foreign:
        config.environment(env)
    if options.framework is not None:
        config.framework(options.framework)
    return config  # type: ignore[no-any-return]


def _plan(options: TrainOptions, config: Any, record: RunRecord | None) -> Plan:
    if options.checkpoint_every is not None:
        config.checkpointing(every=None if options.checkpoint_every == 0 else options.checkpoint_every)
    elif record is None and config.checkpoint_every is None:
        config.checkpointing(every=DEFAULT_CHECKPOINT_EVERY)
    preset = preset_for(config.algorithm, config.env)
    usual = usual_limits(preset, config.env) if record is None else record.limits
    return Plan(
        algorithm=config.algorithm,
        env=config.env,
        framework=config.framework_name,
        seed=config.seed,
        config=config,
        limits=changed_limits(options, usual),
        final_episodes=DEFAULT_EPISODES if record is None else record.final_episodes,
        preset=None if record is None else record.preset,
    )


def _require_budget(limits: Limits, env_steps: int, wanted: Path) -> None:
    if limits.max_env_steps is not None and env_steps >= limits.max_env_steps:
        raise ConfigError(
            f"The run in {wanted} has taken {env_steps:,} of its {limits.max_env_steps:,} steps. Give it more, such as "
            f"--max-steps {2 * env_steps}"
        )
