"""What each command is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

EVALUATION_SEED = 1000
"""Seeds the first episode of the final and of every later evaluation, so that they can be compared."""


@dataclass(frozen=True)
class TrainOptions:
    """Options of `rlmodule train`; None where the file, the preset or the checkpoint decides."""

    algorithm: str | None = None
    env: str | None = None
    framework: str | None = None
    preset: str | None = None
    config: Path | None = None
    resume: Path | None = None
    seed: int | None = None
    target: float | None = None
    max_steps: int | None = None
    max_seconds: float | None = None
    num_envs: int | None = None
    checkpoint_every: int | None = None
    exact_resume: bool | None = None
    out: Path | None = None
    quiet: bool = False


@dataclass(frozen=True)
class EvaluateOptions:
    """Options of `rlmodule evaluate`; the environment is the recorded one where `env` is None."""

    checkpoint: Path
    env: str | None = None
    episodes: int = 20
    framework: str = "numpy"
    seed: int = EVALUATION_SEED
    explore: bool = False
    verbose: bool = False


@dataclass(frozen=True)
class InspectOptions:
    """Options of `rlmodule inspect`; every module where `module` is None."""

    checkpoint: Path
    module: str | None = None
    json: bool = False


@dataclass(frozen=True)
class ListOptions:
    """Options of `rlmodule list`."""

    json: bool = False


@dataclass(frozen=True)
class DoctorOptions:
    """Options of `rlmodule doctor`: there are none."""


Options = TrainOptions | EvaluateOptions | InspectOptions | ListOptions | DoctorOptions
