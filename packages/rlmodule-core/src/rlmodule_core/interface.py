"""The version of the stable core interface, and the check that every package built on it makes."""

from __future__ import annotations

from rlmodule_core.__about__ import INTERFACE
from rlmodule_core.errors import PluginError


def check_interface(distribution: str, interface: tuple[int, int]) -> None:
    """Refuse a package that was written against another core interface.

    Args:
        distribution: the distribution's name, such as "rlmodule-torch".
        interface: the (major, minor) that the package was written against.

    Raises:
        PluginError: the major differs, or the package needs a newer minor than this core has.
    """
    major, minor = interface
    if major == INTERFACE[0] and minor <= INTERFACE[1]:
        return
    behind = distribution if interface < INTERFACE else "rlmodule-core"
    raise PluginError(
        f"{distribution} was written for core interface {major}.{minor}, but the installed rlmodule-core has "
        f"{INTERFACE[0]}.{INTERFACE[1]}. Upgrade the older one: pip install --upgrade {behind}"
    )
