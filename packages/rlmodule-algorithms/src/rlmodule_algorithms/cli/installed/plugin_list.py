"""Every entry point of rlmodule that is installed, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from rlmodule_algorithms.cli.loading import quiet_import
from rlmodule_core import RLModuleError, plugins

GROUPS: Mapping[str, str] = {
    "algorithms": plugins.ALGORITHMS,
    "backends": plugins.BACKENDS,
    "catalogs": plugins.CATALOGS,
    "modules": plugins.MODULES,
    "multi-agent": plugins.MULTI_AGENT,
}
"""The groups of entry points, by what they are called here."""


@dataclass(frozen=True)
class Plugin:
    """An entry point.

    Attributes:
        distribution: what installed it; None where that cannot be told.
        problem: why it cannot be used; None where it can.
    """

    name: str
    value: str
    distribution: str | None
    version: str | None
    problem: str | None


def installed_plugins(group: str) -> list[Plugin]:
    """The entry points of a group by name; all of them are loaded, and what one raises is its own problem."""
    points = {(point.name, _distribution(point), point.value): point for point in entry_points(group=group)}
    return [_examined(group, points[key]) for key in sorted(points, key=lambda key: (key[0], key[1] or "", key[2]))]


def _examined(group: str, point: EntryPoint) -> Plugin:
    version = None if point.dist is None else point.dist.version
    return Plugin(point.name, point.value, _distribution(point), version, _problem(group, point.name))


def _distribution(point: EntryPoint) -> str | None:
    return None if point.dist is None else point.dist.name


def _problem(group: str, name: str) -> str | None:
    try:
        with quiet_import():
            plugins.load(group, name)
    except KeyboardInterrupt:
        raise
    except RLModuleError as error:
        return str(error)
    except BaseException as error:
        # Nothing that a plugin does at import, leaving the program included, is an error of ours.
        return f"The plugin {name!r} of {group} failed to load: {type(error).__name__}: {error}."
    return None
