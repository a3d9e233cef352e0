from __future__ import annotations

from typing import Any

import pytest

from rlmodule_core import Ops, get_backend


@pytest.fixture(scope="session")
def ops() -> Ops:
    return get_backend("numpy").ops


@pytest.fixture(scope="session")
def make_rng() -> Any:
    return get_backend("numpy").rng
