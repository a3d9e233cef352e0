"""Where a run is saved: never where something is already."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from rlmodule_core import ConfigError

LOGS = "logs"


def default_directory(env: str, algorithm: str, seed: int | None) -> Path:
    """`runs/<env>-<algorithm>-<seed>`, in lower case and without characters that file systems refuse."""
    name = re.sub(r"[^a-z0-9._-]+", "-", f"{env}-{algorithm}-{seed}".lower())
    return Path("runs", name.lstrip(".-"))


def claim_directory(wanted: Path) -> Path:
    """Make the directory and its logs, or the same with the next free number where something is there already.

    Raises:
        ConfigError: it cannot be made, or is taken and has no name of its own to number, such as '.'.
    """
    if wanted.name in ("", "..") and not _is_free(wanted):
        raise ConfigError(f"The directory {wanted} to save to is not empty. Give a new one with --out DIR.")
    numbered = (wanted.with_name(f"{wanted.name}-{number}") for number in itertools.count(2))
    try:
        return next(filter(_claim, itertools.chain([wanted], numbered)))
    except OSError as error:
        raise ConfigError(
            f"Cannot make the directory {wanted} to save to: {error}. Give another one with --out DIR."
        ) from error


def _claim(candidate: Path) -> bool:
    if not _is_free(candidate):
        return False
    try:
        # The logs are made first and must be new: of two runs that start at once, one gets the directory.
        (candidate / LOGS).mkdir(parents=True)
    except FileExistsError:
        return False
    return True


def _is_free(path: Path) -> bool:
    if path.is_dir():
        return next(path.iterdir(), None) is None
    return not path.exists() and not path.is_symlink()
