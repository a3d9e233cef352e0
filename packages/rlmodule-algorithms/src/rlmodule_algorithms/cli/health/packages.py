"""Whether Python, our packages and the plugins fit together."""

from __future__ import annotations

import importlib
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distributions, version

from rlmodule_algorithms.cli.health.finding import Finding
from rlmodule_algorithms.cli.installed.plugin_list import GROUPS, Plugin, installed_plugins
from rlmodule_algorithms.cli.loading import quiet_import
from rlmodule_core import check_interface

_OLDEST_PYTHON = (3, 11)
_NEEDED = ("rlmodule-core", "rlmodule-catalogs", "rlmodule-marl", "rlmodule-algorithms")


def check_python() -> Iterator[Finding]:
    """The version of Python."""
    text = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info >= _OLDEST_PYTHON:
        yield Finding("ok", "python", text)
    else:
        yield Finding("fail", "python", text, "Install Python 3.11 or newer.")


def check_packages() -> Iterator[Finding]:
    """The versions of our packages, and the core interface that each was written for."""
    installed = {str(found.metadata["Name"]).lower().replace("_", "-") for found in distributions()}
    ours = sorted(name for name in installed if name.startswith("rlmodule-"))
    for name in dict.fromkeys((*_NEEDED, *ours)):
        yield _package(name)


def _package(name: str) -> Finding:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding("fail", name, "is not installed", f"Install it: pip install {name}")
    try:
        with quiet_import():
            interface = importlib.import_module(name.replace("-", "_")).INTERFACE
        check_interface(name, interface)
    except Exception as error:
        return Finding("fail", name, f"{found}: {error}", f"Install it again: pip install --upgrade {name}")
    return Finding("ok", name, f"{found}, core interface {'.'.join(map(str, interface))}")


def check_plugins() -> Iterator[Finding]:
    """Whether every entry point loads."""
    found = [(title, plugin) for title, group in GROUPS.items() for plugin in installed_plugins(group)]
    broken = [(title, plugin) for title, plugin in found if plugin.problem is not None]
    for title, plugin in broken:
        yield _broken(title, plugin)
    working = len(found) - len(broken)
    yield Finding("ok", "plugins", f"{working} of {len(found)} load; rlmodule list names them")


def _broken(title: str, plugin: Plugin) -> Finding:
    owner = "the distribution that installed it" if plugin.distribution is None else plugin.distribution
    subject = f"{title} {plugin.name}"
    return Finding("fail", subject, str(plugin.problem), f"Repair or uninstall it: pip uninstall {owner}")
