from __future__ import annotations

import gymnasium as gym
import numpy as np
from graph_catalog import GraphCatalog

from rlmodule_core.testing import CatalogSuite

GRAPHS = gym.spaces.Dict(nodes=gym.spaces.Box(-np.inf, np.inf, (5, 3)), edges=gym.spaces.MultiBinary((5, 5)))


class TestGraphCatalog(CatalogSuite):
    catalog_class = GraphCatalog
    spaces = (*CatalogSuite.spaces, (GRAPHS, gym.spaces.Discrete(3)))
