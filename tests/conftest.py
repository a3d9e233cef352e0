from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from absent_frameworks import pytest_ignore_collect
from rlmodule_algorithms import Algorithm

__all__ = ["pytest_ignore_collect"]


@pytest.fixture
def build() -> Iterator[Callable[[Any], Algorithm]]:
    """Builds algorithms, and closes their environments afterwards."""
    built: list[Algorithm] = []

    def make(config: Any) -> Algorithm:
        built.append(config.build())
        return built[-1]

    yield make
    for algorithm in built:
        algorithm.stop()
