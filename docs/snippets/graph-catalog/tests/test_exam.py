from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core.testing import CatalogSuite

pytest.importorskip("torch", reason="the graph encoder is a network in torch")

from graph_catalog import GraphCatalog

GRAPHS = gym.spaces.Dict(nodes=gym.spaces.Box(-np.inf, np.inf, (5, 3)), edges=gym.spaces.MultiBinary((5, 5)))


class TestGraphCatalog(CatalogSuite):
    catalog_class = GraphCatalog
    spaces = (*CatalogSuite.spaces, (GRAPHS, gym.spaces.Discrete(3)))
