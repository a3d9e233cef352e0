from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_catalogs import Catalog, PPOCatalog

OBS = gym.spaces.Box(-np.inf, np.inf, (4,))
REAL_ACTIONS = gym.spaces.Box(-1.0, 1.0, (3,))


@pytest.fixture
def make() -> Any:
    """Makes catalogs over four numbers and three real actions, with spaces and settings to choose."""

    def make(
        catalog_class: type[Catalog] = PPOCatalog,
        *,
        obs: gym.Space[Any] = OBS,
        actions: gym.Space[Any] = REAL_ACTIONS,
        **settings: Any,
    ) -> Any:
        return catalog_class(obs, actions, settings)

    return make
