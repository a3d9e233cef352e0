from __future__ import annotations

import ast
import importlib
import inspect
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from workspace import ROOT, packages

# What the docstring of rlmodule_core declares to be the stable core interface, beside the package itself.
CORE_PARTS = tuple(
    f"rlmodule_core.{part}" for part in ("checkpoint", "plans", "plugins", "spaces", "summary", "testing")
)
MODULES = (*(package.module for package in packages()), *CORE_PARTS)

# Some of the names are aliases of a backend's, so that all of them are only where both backends are.
for backend in ("rlmodule_torch", "rlmodule_tf"):
    pytest.importorskip(backend)

# DESIGN gives these a second name on purpose: what a PPO user writes is core's or the backend's class.
ALIASES = {"PPORLModule", "PPOTorchRLModule", "PPOTfRLModule"}


def public_names(module: str) -> tuple[str, ...]:
    found = vars(importlib.import_module(module))
    if "__all__" in found or "__path__" in found:
        return tuple(found.get("__all__", ()))
    # Modules that are no packages have no list: what they define.
    return tuple(name for name, value in found.items() if name[0] != "_" and _is_defined_in(module, value))


def _is_defined_in(module: str, value: object) -> bool:
    return isinstance(value, str) or (not inspect.ismodule(value) and getattr(value, "__module__", None) == module)


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


def imports_across_borders() -> Iterator[tuple[Path, str, str]]:
    """Each file, module and name where one of our packages takes something from inside another."""
    for package in packages():
        for path in package.source.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                taken = node.module if isinstance(node, ast.ImportFrom) and node.level == 0 else None
                if taken is not None and taken.startswith("rlmodule_") and taken.split(".")[0] != package.module:
                    yield from ((path.relative_to(ROOT), taken, alias.name) for alias in node.names)


def test_packages_take_public_names_from_each_other() -> None:
    found = list(imports_across_borders())
    assert len(found) > 100
    private = [
        f"{path}: {module}.{name}"
        for path, module, name in found
        if f"{module}.{name}" not in CORE_PARTS and (module not in MODULES or name not in public_names(module))
    ]
    assert private == []


def test_the_core_interface_is_what_its_docstring_says() -> None:
    text = importlib.import_module("rlmodule_core").__doc__ or ""
    for part in CORE_PARTS:
        assert f"`{part}`" in text or f"`.{part.split('.')[1]}`" in text, part


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
