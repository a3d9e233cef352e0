"""Configurations that are known to learn."""

from __future__ import annotations

from rlmodule_algorithms.presets.classic_control import CLASSIC_CONTROL
from rlmodule_algorithms.presets.memory import MEMORY
from rlmodule_algorithms.presets.mujoco import MUJOCO
from rlmodule_algorithms.presets.preset import Preset
from rlmodule_algorithms.presets.tasks import TASKS

__all__ = ["PRESETS", "Preset", "preset_for"]

PRESETS = {preset.name: preset for preset in (*CLASSIC_CONTROL, *TASKS, *MEMORY, *MUJOCO)}


def preset_for(algorithm: str, env_id: str) -> Preset | None:
    """The first preset of an algorithm for an environment, if there is one."""
    fitting = (preset for preset in PRESETS.values() if (preset.algorithm, preset.env) == (algorithm, env_id))
    return next(fitting, None)
