"""Find an installed backend by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from rlmodule_core import plugins
from rlmodule_core.backend.base import Backend, TrainingBackend
from rlmodule_core.errors import BackendNotFoundError, ConfigError, PluginError, nearest

_PACKAGES = {"torch": "rlmodule-torch", "tf2": "rlmodule-tf"}
"""What to install, by backend; where nobody names one, the first that is installed is taken."""

_ALSO_CALLED = {"tensorflow": "tf2", "tf": "tf2", "keras": "tf2", "pytorch": "torch"}


@lru_cache(maxsize=16)
def get_backend(name: str) -> Backend:
    """The backend of that name: "numpy", "torch", "tf2" or one that a third party registered.

    Raises:
        BackendNotFoundError: it is not installed; the text says what to install.
        PluginError: it is installed but broken or incompatible.
    """
    found = plugins.names(plugins.BACKENDS)
    if name not in found:
        raise BackendNotFoundError(
            f"No backend named {name!r} is installed (found: {', '.join(found) or 'none'}).{_advice(name, found)}"
        )
    loaded: Any = plugins.load(plugins.BACKENDS, name)
    if not (isinstance(loaded, type) and issubclass(loaded, Backend)):
        raise PluginError(f"The backend {name!r} must be a subclass of rlmodule_core.Backend, got {loaded!r}.")
    return loaded()


def _advice(name: object, found: Sequence[str]) -> str:
    text = str(name)
    if text in _PACKAGES:
        others = " or ".join(repr(known) for known in _PACKAGES if known in found)
        instead = f", or take what is installed: framework {others}" if others else ""
        return f" Install it: pip install {_PACKAGES[text]}{instead}"
    meant = _ALSO_CALLED.get(text.lower(), text.lower())
    return f" Did you mean {meant!r}?" if meant in (*_PACKAGES, *found) else nearest(text, found)


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
