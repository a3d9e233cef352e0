from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from rlmodule_algorithms import Algorithm
from workspace import ROOT


def load_snippet(name: str) -> ModuleType:
    """The snippet as a module that is imported under its own name, as where a user runs it beside others."""
    spec: Any = importlib.util.spec_from_file_location(name, ROOT / "docs" / "snippets" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def dqn() -> ModuleType:
    return load_snippet("dqn")


@pytest.fixture(scope="session")
def cloning() -> ModuleType:
    return load_snippet("behaviour_cloning")


@pytest.fixture
def build() -> Iterator[Callable[[Any], Algorithm]]:
    """Builds algorithms and stops them after the test."""
    built: list[Algorithm] = []

    def make(config: Any) -> Algorithm:
        built.append(config.build())
        return built[-1]

    yield make
    for algorithm in built:
        algorithm.stop()
