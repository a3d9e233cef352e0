"""When a run ends: what the user says, then what the preset or the environment says."""

from __future__ import annotations

import contextlib

import gymnasium as gym

from rlmodule_algorithms.cli.limits import Limits
from rlmodule_algorithms.cli.options import TrainOptions
from rlmodule_algorithms.cli.training.settings_file import Stop
from rlmodule_algorithms.presets import Preset

DEFAULT_MAX_STEPS = 500_000


def limits_for(options: TrainOptions, file: Stop, preset: Preset | None, env: str) -> Limits:
    """The goal and the budget of a new run."""
    return changed_limits(options, changed_limits(file, usual_limits(preset, env)))


def changed_limits(given: TrainOptions | Stop, usual: Limits) -> Limits:
    """The usual limits with those that are given in their place.

    One budget replaces both: a preset's 90 seconds would cut `--max-steps 10000000` short.
    """
    target, stop_at = (usual.target, usual.stop_at) if given.target is None else (given.target, None)
    if given.max_steps is None and given.max_seconds is None:
        return Limits(target, usual.max_env_steps, usual.max_seconds, stop_at)
    return Limits(target, given.max_steps, given.max_seconds, stop_at)


def usual_limits(preset: Preset | None, env: str) -> Limits:
    """The goal and the budget where the user says nothing."""
    if preset is None:
        return Limits(_reward_threshold(env), DEFAULT_MAX_STEPS)
    if preset.env != env:
        return Limits(_reward_threshold(env), preset.max_env_steps, preset.max_seconds)
    return Limits(preset.target, preset.max_env_steps, preset.max_seconds, preset.stop_at)


def _reward_threshold(env: str) -> float | None:
    # An unknown id is an error of build(), which says more.
    with contextlib.suppress(gym.error.Error, ModuleNotFoundError):
        return gym.spec(env).reward_threshold
    return None
