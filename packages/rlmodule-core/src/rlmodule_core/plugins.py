"""Find what other distributions contribute: entry points, looked up by name and loaded on use."""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from rlmodule_core.errors import PluginError, nearest
from rlmodule_core.interface import check_interface

BACKENDS = "rlmodule.backends"
CATALOGS = "rlmodule.catalogs"
MODULES = "rlmodule.modules"
MULTI_AGENT = "rlmodule.multi_agent"
ALGORITHMS = "rlmodule.algorithms"

_PACKAGES = {CATALOGS: "rlmodule-catalogs", MULTI_AGENT: "rlmodule-marl", ALGORITHMS: "rlmodule-algorithms"}
"""What to install where nothing of our own is registered in a group."""


def names(group: str) -> list[str]:
    """The names that installed distributions register in `group`, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


@lru_cache(maxsize=128)
def load(group: str, name: str) -> Any:
    """Load what is registered as `name` in `group`.

    Raises:
        PluginError: nothing or more than one distribution claims the name, the plugin fails to
            import, or it was written against another core interface.
    """
    point = _find(group, name)
    try:
        loaded = point.load()
    except Exception as error:
        raise PluginError(
            f"The plugin {name!r} of {group} ({point.value}, from {_distribution(point)}) failed to load: "
            f"{type(error).__name__}: {error}. Repair or uninstall {_distribution(point)}."
        ) from error
    root = sys.modules[_root(point.module)]
    interface = getattr(root, "INTERFACE", None)
    if interface is not None:
        check_interface(_distribution(point), interface)
    return loaded


def distribution_of(group: str, plugin: type[Any] | str) -> str | None:
    """The distribution that registers this name in `group`, or something from the package of this class."""
    points = entry_points(group=group)
    if isinstance(plugin, str):
        owners = [point for point in points if point.name == plugin]
    else:
        owners = [point for point in points if _root(point.module) == _root(plugin.__module__)]
    return next(map(_distribution, owners), None)


def _root(module: str) -> str:
    return module.partition(".")[0]


def _find(group: str, name: str) -> EntryPoint:
    claims = {(_distribution(point), point.value): point for point in entry_points(group=group, name=name)}
    if not claims:
        found = names(group)
        raise PluginError(
            f"Nothing is registered as {name!r} in {group} (found: {', '.join(found) or 'nothing'})."
            f"{nearest(name, found)}{_what_to_install(group)}"
        )
    owners = sorted({owner for owner, _ in claims})
    if len(owners) > 1:
        raise PluginError(
            f"The name {name!r} in {group} is claimed by {' and by '.join(owners)}. Uninstall all but one of them."
        )
    return next(iter(claims.values()))


def _what_to_install(group: str) -> str:
    package = _PACKAGES.get(group)
    if package is None or package in map(_distribution, entry_points(group=group)):
        return ""
    return f" Those of rlmodule itself are in {package}, which is not installed: pip install {package}"


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else _root(point.module)
