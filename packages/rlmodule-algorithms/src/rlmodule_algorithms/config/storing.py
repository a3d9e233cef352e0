"""The options of an algorithm as data that JSON holds, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from rlmodule_algorithms.config.settings import AlgorithmSettings
from rlmodule_core import CheckpointError, ConfigError, nearest

_FROM_MODULES = frozenset({"rl_module_spec"})
"""What the stored modules say better: how they were first built does not matter any more."""


@dataclass(frozen=True)
class StoredOptions:
    """Options by name.

    Attributes:
        values: those that JSON holds.
        by_name: what the others were, functions and classes: they are passed again.
    """

    values: Mapping[str, Any]
    by_name: Mapping[str, Any]


def store_options(config: AlgorithmSettings) -> StoredOptions:
    """All options of a config; tuples become lists, numpy's scalars Python's."""
    values: dict[str, Any] = {}
    by_name: dict[str, Any] = {}
    for field in fields(config):
        if field.name in _FROM_MODULES:
            continue
        value = getattr(config, field.name)
        try:
            values[field.name] = _plain(value)
        except TypeError:
            by_name[field.name] = _name(value)
    return StoredOptions(values, by_name)


def restore_options(config: AlgorithmSettings, stored: StoredOptions, *, where: str) -> None:
    """Set the stored options on a fresh config.

    Raises:
        CheckpointError: some have to be passed again, all of which the text lists; an option is unknown or illegal.
    """
    if stored.by_name:
        listed = ", ".join(f"{option} ({name})" for option, name in stored.by_name.items())
        raise CheckpointError(
            f"{where} was trained with options that no file holds: {listed}. Pass them again: "
            "Algorithm.from_checkpoint(directory, config=...), with the config that it was built from."
        )
    known = [field.name for field in fields(config)]
    for option, value in stored.values.items():
        if option not in known:
            raise CheckpointError(
                f"{where} has an option {option!r}, which {type(config).__name__} does not know."
                f"{nearest(option, known)} Load it with the version that wrote it, or pass config=."
            )
        setattr(config, option, value)
    if isinstance(config.env, str) and ":" in config.env:
        raise CheckpointError(
            f"{where} names the environment {config.env!r}, which would import the module before the colon. If you "
            "trust it, pass it again: Algorithm.from_checkpoint(directory, config=...)."
        )
    try:
        config.validate()
    except ConfigError as error:
        raise CheckpointError(f"The options stored in {where} do not fit this version: {error}") from error


def _plain(value: Any) -> Any:
    """The value as JSON has it.

    Raises:
        TypeError: JSON has no such thing.
    """
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("JSON has only strings as keys")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value)):
        return value
    raise TypeError(f"JSON has no {type(value).__name__}")


def _name(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"a mapping with {', '.join(map(str, value))}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_name, value))
    named = value if isinstance(value, type) or callable(value) else type(value)
    return f"{getattr(named, '__module__', '?')}:{getattr(named, '__qualname__', type(named).__qualname__)}"
