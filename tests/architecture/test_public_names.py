from __future__ import annotations

import importlib
import inspect
from collections import defaultdict

import pytest

from workspace import packages

MODULES = tuple(package.module for package in packages())

# DESIGN gives these a second name on purpose: what a PPO user writes is core's or the backend's class.
ALIASES = {"PPORLModule", "PPOTorchRLModule", "PPOTfRLModule"}


def public_names(module: str) -> tuple[str, ...]:
    return tuple(vars(importlib.import_module(module)).get("__all__", ()))


def classes_and_functions(module: str) -> dict[str, object]:
    package = importlib.import_module(module)
    objects = {name: getattr(package, name) for name in public_names(module)}
    return {name: value for name, value in objects.items() if is_class_or_function(value)}


def is_class_or_function(value: object) -> bool:
    # Unwrapped: a cached function is an object of functools. An alias such as Callable[...] is neither.
    return inspect.isclass(value) or (callable(value) and inspect.isroutine(inspect.unwrap(value)))


def has_docstring(value: object) -> bool:
    # A dataclass or a named tuple without one is given its signature, and a subclass inherits its base's.
    text = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
    return bool(text) and not text.startswith(f"{getattr(value, '__name__', '')}(")


@pytest.mark.parametrize("module", MODULES)
def test_every_name_in_all_exists_and_is_listed_once(module: str) -> None:
    package, names = importlib.import_module(module), public_names(module)
    assert len(set(names)) == len(names)
    for name in names:
        getattr(package, name)


@pytest.mark.parametrize("module", MODULES)
def test_every_public_class_and_function_has_a_docstring(module: str) -> None:
    undocumented = [name for name, value in classes_and_functions(module).items() if not has_docstring(value)]
    assert undocumented == []


def test_every_public_object_has_one_public_path() -> None:
    paths: defaultdict[int, list[str]] = defaultdict(list)
    for module in MODULES:
        for name, value in classes_and_functions(module).items():
            if name not in ALIASES:
                paths[id(value)].append(f"{module}.{name}")
    assert [found for found in paths.values() if len(found) > 1] == []
