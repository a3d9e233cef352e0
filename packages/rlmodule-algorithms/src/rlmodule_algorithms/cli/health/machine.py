"""Whether the environment library, the threads, the directory and the terminal are as training needs them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
from rich.console import Console

from rlmodule_algorithms.cli.health.finding import Finding
from rlmodule_algorithms.cli.training.events import events_are_written
from rlmodule_core.summary import file_size

_ENV = "CartPole-v1"
_STEPS = 20
_LITTLE_SPACE = 500_000_000
_NARROW = 60


def check_gymnasium() -> Iterator[Finding]:
    """Whether an environment runs."""
    env = gym.make(_ENV)
    try:
        env.reset(seed=0)
        for step in range(_STEPS):
            _, _, terminated, truncated, _ = env.step(step % 2)
            if terminated or truncated:
                env.reset()
    finally:
        env.close()
    yield Finding("ok", "gymnasium", f"{gym.__version__}, {_ENV} runs")


def check_threads() -> Iterator[Finding]:
    """How many threads numbers are computed on."""
    cores, setting = os.cpu_count() or 1, os.environ.get("OMP_NUM_THREADS")
    if setting is None:
        yield Finding(
            "ok" if cores == 1 else "warn",
            "threads",
            f"OMP_NUM_THREADS is not set: networks that are not small use all {cores} cores, in every process",
            None if cores == 1 else "Set it where several runs share the machine: export OMP_NUM_THREADS=1",
        )
    elif not setting.isdecimal() or int(setting) < 1:
        text = f"OMP_NUM_THREADS={setting} is no number of threads"
        yield Finding("warn", "threads", text, "Set one: export OMP_NUM_THREADS=1")
    elif int(setting) > cores:
        text = f"OMP_NUM_THREADS={setting} asks for more threads than there are cores ({cores})"
        yield Finding("warn", "threads", text, "Lower it: export OMP_NUM_THREADS=1")
    else:
        text = f"OMP_NUM_THREADS={setting} of {cores} cores: networks that are not small use so many in each process"
        yield Finding("ok", "threads", text)


def check_directory() -> Iterator[Finding]:
    """Whether runs can be saved in the current directory."""
    here = Path.cwd()
    try:
        with tempfile.NamedTemporaryFile(dir=here, prefix=".rlmodule-"):
            free = shutil.disk_usage(here).free
    except OSError as error:
        advice = "Change to a directory of your own, or give rlmodule train --out DIR."
        yield Finding("fail", "directory", f"{here} cannot be written to: {error.strerror}", advice)
        return
    text = f"{here} can be written to, {file_size(free)} free"
    if free < _LITTLE_SPACE:
        yield Finding("warn", "directory", text, "Free some space, or give rlmodule train --out DIR on another disk.")
    else:
        yield Finding("ok", "directory", text)


def check_logs() -> Iterator[Finding]:
    """Whether TensorBoard can show runs."""
    if events_are_written():
        yield Finding("ok", "logs", "metrics as JSON lines, and events for TensorBoard")
    else:
        text = 'metrics as JSON lines; for TensorBoard: pip install "rlmodule-algorithms[tensorboard]"'
        yield Finding("ok", "logs", text)


def check_terminal(console: Console) -> Iterator[Finding]:
    """How progress will be shown."""
    if not console.is_terminal:
        yield Finding("ok", "terminal", "none: progress is shown as plain lines")
        return
    colours = "no colours" if console.no_color or console.color_system is None else "colours"
    text = f"{console.width} by {console.height}, {colours}, {console.encoding}"
    if console.width < _NARROW:
        yield Finding("warn", "terminal", text, f"Make it at least {_NARROW} columns wide, or give --quiet.")
    else:
        yield Finding("ok", "terminal", text)
