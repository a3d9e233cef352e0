from __future__ import annotations

import gymnasium as gym
import numpy as np

from rlmodule_catalogs import PPOCatalog
from rlmodule_core import ActorCriticRLModule
from rlmodule_core.testing import CatalogSuite, ModuleSuite

SEVERAL = gym.spaces.Dict(
    {
        "camera": gym.spaces.Box(0, 255, (4, 4, 1), np.uint8),
        "body": gym.spaces.Tuple((gym.spaces.Box(-1.0, 1.0, (3,)), gym.spaces.Discrete(3, start=1))),
        "flags": gym.spaces.MultiBinary(2),
    }
)


class TestPPOCatalog(CatalogSuite):
    catalog_class = PPOCatalog


class TestPPOCatalogOverSeveralObservations(CatalogSuite):
    catalog_class, settings = PPOCatalog, {"fcnet_hiddens": (8,)}
    spaces = (
        (SEVERAL, gym.spaces.Discrete(3)),
        (gym.spaces.Tuple((gym.spaces.MultiDiscrete([[2, 3]]), SEVERAL)), gym.spaces.Box(-1.0, 1.0, (2,))),
    )


class TestModuleOfPPOCatalog(ModuleSuite):
    module_class, catalog_class, framework = ActorCriticRLModule, PPOCatalog, "numpy"


class TestModuleOverSeveralObservations(ModuleSuite):
    module_class, catalog_class, framework = ActorCriticRLModule, PPOCatalog, "numpy"
    observation_space = SEVERAL
