"""Settings of a run from a TOML file, whose tables are the groups of the algorithm's configuration."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlmodule_algorithms.config.validation import unknown_option
from rlmodule_core import ConfigError, nearest

NAMES = ("algorithm", "preset", "framework")
"""The keys above the tables."""

STOP = "stop"
"""The table of the goal and the budget."""

_EXAMPLES = {"algorithm": "PPO", "preset": "ppo-cartpole", "framework": "torch"}
_EXPECTED = {"target": "a number", "max_steps": "a whole number of at least 1", "max_seconds": "a number above 0"}

_IN_PYTHON = {
    "rl_module": "It takes Python objects: build the algorithm in Python, with .rl_module(rl_module_spec=...).",
    "callbacks": "It takes functions: build the algorithm in Python, with .callbacks(...).",
}


@dataclass(frozen=True)
class Stop:
    """The goal and the budget."""

    target: float | None = None
    max_steps: int | None = None
    max_seconds: float | None = None


@dataclass(frozen=True)
class SettingsFile:
    """What a file says; None and absent tables where it says nothing.

    Attributes:
        groups: the options of the configuration, by group.
    """

    path: Path
    algorithm: str | None = None
    preset: str | None = None
    framework: str | None = None
    stop: Stop = Stop()
    groups: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def env(self) -> str | None:
        """The id of the environment.

        Raises:
            ConfigError: it is no text.
        """
        env = self.groups.get("environment", {}).get("env")
        if env is not None and not isinstance(env, str):
            raise ConfigError(f"{self.path}, [environment]: env must be the id of an environment, got {env!r}.")
        return env

    def apply(self, config: Any) -> None:
        """Set the options on the config.

        Raises:
            ConfigError: a table or an option is unknown, or a value illegal; names the file.
        """
        known = [group for group in config.groups if group not in _IN_PYTHON and group != "framework"]
        for group, options in self.groups.items():
            if group not in known:
                raise self._unknown(group, [*NAMES, STOP, *known])
            for option in options:
                if option not in config.groups[group]:
                    raise ConfigError(f"{self.path}, [{group}]: {unknown_option(group, option, config.groups)}")
            with_options: Callable[..., Any] = getattr(config, group)
            with_options(**options)
        try:
            config.validate()
        except ConfigError as error:
            raise ConfigError(f"{self.path}: {error}") from error

    def _unknown(self, group: str, known: list[str]) -> ConfigError:
        hint = f" {_IN_PYTHON[group]}" if group in _IN_PYTHON else nearest(group, known)
        listed = ", ".join([*NAMES, *(f"[{name}]" for name in known if name not in NAMES)])
        return ConfigError(f"{self.path} cannot have [{group}].{hint} It can have: {listed}.")


def read_settings(path: Path) -> SettingsFile:
    """Read a file; the options themselves are checked when they are applied.

    Raises:
        ConfigError: it cannot be read, is no TOML, or has a key of another type; names the file and the key.
    """
    content = _parse(path)
    texts = {name: _text(path, name, content.pop(name)) for name in NAMES if name in content}
    for name, value in content.items():
        if not isinstance(value, dict):
            hint = nearest(name, NAMES)
            raise ConfigError(
                f"{path}: {name} = {value!r} stands above all tables, where only {', '.join(NAMES)} can stand.{hint} "
                f"Write it into its table, such as [training], or make [{name}] one."
            )
    return SettingsFile(path, **texts, stop=_stop(path, content.pop(STOP, {})), groups=content)


def _parse(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"Expected a TOML file at {path}, got {type(error).__name__}: {error.strerror}. Give the path of a file "
            "with --config FILE."
        ) from error
    except (ValueError, RecursionError) as error:
        # Not UTF-8 is a ValueError too; so is what TOML itself refuses, which names line and column.
        raise ConfigError(
            f"{path} is no valid TOML: {error}. Mend it; rlmodule train --help has an example."
        ) from error
    for number in _integers(content):
        if not -(2**63) <= number < 2**63:
            raise ConfigError(f"{path} has an integer of more than 64 bits, {str(number)[:20]}.... Give a smaller one.")
    return content


def _integers(value: Any) -> Iterator[int]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _integers(item)
    elif isinstance(value, int):
        yield value


def _text(path: Path, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ConfigError(f'{path}: {name} must be a name in quotes, such as "{_EXAMPLES[name]}", got {value!r}.')
    return value


def _stop(path: Path, table: Mapping[str, Any]) -> Stop:
    known = tuple(vars(Stop()))
    for key, value in table.items():
        if key not in known:
            raise ConfigError(
                f"{path}, [{STOP}]: unknown key {key!r}.{nearest(key, known)} It can have: {', '.join(known)}."
            )
        if not _legal(key, value):
            raise ConfigError(f"{path}, [{STOP}]: {key} must be {_EXPECTED[key]}, got {value!r}.")
    return Stop(**table)


def _legal(key: str, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if key == "max_steps" else int | float):
        return False
    return math.isfinite(value) and (key == "target" or value > 0)
