from __future__ import annotations

from typing import Any

import pytest
from own_layers import TRAINING


@pytest.fixture(params=TRAINING)
def framework(request: Any) -> str:
    """Where every module of these tests is trained."""
    chosen: str = request.param
    return chosen
