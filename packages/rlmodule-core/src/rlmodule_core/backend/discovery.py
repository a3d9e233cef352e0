"""Find an installed backend by name."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rlmodule_core import plugins
from rlmodule_core.backend.base import Backend, TrainingBackend
from rlmodule_core.errors import BackendNotFoundError, ConfigError, PluginError, nearest

_PACKAGES = {"torch": "rlmodule-torch", "tf2": "rlmodule-tf"}
"""What to install, by backend; where nobody names one, the first that is installed is taken."""


@lru_cache(maxsize=16)
def get_backend(name: str) -> Backend:
    """The backend of that name: "numpy", "torch", "tf2" or one that a third party registered.

    Raises:
        BackendNotFoundError: it is not installed; the text says what to install.
        PluginError: it is installed but broken or incompatible.
    """
    found = plugins.names(plugins.BACKENDS)
    if name not in found:
        package = _PACKAGES.get(name)
        advice = nearest(str(name), found) if package is None else f" Install it: pip install {package}"
        raise BackendNotFoundError(
            f"No backend named {name!r} is installed (found: {', '.join(found) or 'none'}).{advice}"
        )
    loaded: Any = plugins.load(plugins.BACKENDS, name)
    if not (isinstance(loaded, type) and issubclass(loaded, Backend)):
        raise PluginError(f"The backend {name!r} must be a subclass of rlmodule_core.Backend, got {loaded!r}.")
    return loaded()


def get_training_backend(name: str) -> TrainingBackend:
    """The backend of that name, if it can train.

    Raises:
        BackendNotFoundError: it is not installed.
        ConfigError: it runs forwards only.
    """
    backend = get_backend(name)
    if not isinstance(backend, TrainingBackend):
        packages = " or ".join(f"{package} (framework {known!r})" for known, package in _PACKAGES.items())
        raise ConfigError(f"The backend {name!r} only runs forwards. Train with {packages}: pip install one of them.")
    return backend


def default_backend_name() -> str:
    """The backend to build in where neither a caller nor a file names one.

    The first that is installed of "torch" and "tf2", else the first other one that trains, else "numpy".
    """
    found = plugins.names(plugins.BACKENDS)
    for name in _PACKAGES:
        # By its name alone: to import a framework takes seconds.
        if name in found:
            return name
    return next(filter(_trains, found), "numpy")


def _trains(name: str) -> bool:
    try:
        return isinstance(get_backend(name), TrainingBackend)
    except PluginError:
        # A plugin that is broken breaks nothing but itself.
        return False
