from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def _failing(suite: type[Any]) -> set[str]:
    failed = set()
    for name in dir(suite):
        if name.startswith("test_"):
            try:
                getattr(suite(), name)()
            except pytest.skip.Exception:
                continue
            except (Exception, pytest.fail.Exception):
                failed.add(name.removeprefix("test_"))
    return failed


@pytest.fixture
def failing() -> Callable[[type[Any]], set[str]]:
    """Sits an exam and gives the names of the tests that fail, without "test_"."""
    return _failing
