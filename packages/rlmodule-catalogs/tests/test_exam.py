from __future__ import annotations

from rlmodule_catalogs import PPOCatalog
from rlmodule_core import ActorCriticRLModule
from rlmodule_core.testing import CatalogSuite, ModuleSuite


class TestPPOCatalog(CatalogSuite):
    catalog_class = PPOCatalog


class TestModuleOfPPOCatalog(ModuleSuite):
    module_class, catalog_class, framework = ActorCriticRLModule, PPOCatalog, "numpy"
