from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest

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
