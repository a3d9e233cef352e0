"""Which class to instantiate: the user's own, a standard one, or a neutral one combined with a framework."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rlmodule_core import plugins
from rlmodule_core.backend import get_backend
from rlmodule_core.errors import ConfigError
from rlmodule_core.module.identity import ModuleIdentity


def standard_class(architecture: str | None, framework: str) -> Any:
    """The class registered for an architecture in a framework.

    Raises:
        BackendNotFoundError: the framework's backend is not installed.
        PluginError: the backend has no class for this architecture.
    """
    get_backend(framework)
    return plugins.load(plugins.MODULES, f"{architecture}.{framework}")


def has_standard_class(module: Any) -> bool:
    """Whether the module's class is exactly the registered one of its architecture and framework."""
    name = f"{module.architecture}.{module.framework}"
    return name in plugins.names(plugins.MODULES) and type(module) is plugins.load(plugins.MODULES, name)


def resolve_module_class(module_class: Any, framework: str | None) -> Any:
    """The class to instantiate for `module_class` in `framework`.

    A class with a framework is taken as it is. A neutral one, such as ActorCriticRLModule or a subclass of it, is
    combined with the framework's base.

    Raises:
        ConfigError: it is no RLModule class or leaves forwards open, no framework is known, or the class belongs to
            another one.
    """
    if not (isinstance(module_class, type) and issubclass(module_class, ModuleIdentity)):
        raise ConfigError(f"module_class must be a subclass of RLModule, got {module_class!r}.")
    missing = sorted(module_class.__abstractmethods__)
    if missing:
        raise ConfigError(
            f"{module_class.__name__} cannot be built: it lacks {', '.join(missing)}. Override them in a subclass, and "
            "give that as the module class."
        )
    if module_class.framework is None:
        if framework is None:
            raise ConfigError(
                f"{module_class.__name__} names no framework. Call build(framework='torch'), or derive the class from "
                "TorchRLModule or TfRLModule as well."
            )
        return _combined(module_class, framework)
    if framework not in (None, module_class.framework):
        raise ConfigError(
            f"{module_class.__name__} is a {module_class.framework} module, but framework {framework!r} was asked for. "
            f"Use .framework({module_class.framework!r}), or a module class of {framework}."
        )
    return module_class


@lru_cache(maxsize=128)
def _combined(module_class: Any, framework: str) -> Any:
    base: type[Any] = get_backend(framework).module_base
    if module_class.architecture is not None:
        base = standard_class(module_class.architecture, framework)
        if issubclass(base, module_class):
            return base
    names = {
        "__module__": module_class.__module__,
        "__qualname__": module_class.__qualname__,
        "__reduce__": lambda module: (_blank, (module_class, framework), module.__getstate__()),
    }
    return type(module_class.__name__, (module_class, base), names)


def _blank(module_class: Any, framework: str) -> Any:
    """For pickle, which cannot find a combined class by its name."""
    combined = _combined(module_class, framework)
    return combined.__new__(combined)
