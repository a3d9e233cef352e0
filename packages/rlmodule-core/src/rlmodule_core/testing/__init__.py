"""The exams: what a backend, a distribution, a module or a catalog must do, as tests to inherit.

They need pytest: `pip install rlmodule-core[testing]`. A test file is a subclass of two lines:

    class TestMyCatalog(CatalogSuite):
        catalog_class = MyCatalog
"""

from importlib.util import find_spec

from rlmodule_core.errors import PluginError

if find_spec("pytest") is None:
    raise PluginError("The exams of rlmodule_core.testing need pytest: pip install rlmodule-core[testing]")

from rlmodule_core.testing.actor_critic_suite import ActorCriticSuite
from rlmodule_core.testing.backend_suite import BackendSuite
from rlmodule_core.testing.catalog_suite import CatalogSuite
from rlmodule_core.testing.closed_form import ClosedForm, closed_form
from rlmodule_core.testing.distribution_suite import DistributionSuite
from rlmodule_core.testing.guard import overrides_exam
from rlmodule_core.testing.memory_suite import MemorySuite
from rlmodule_core.testing.model_suite import ModelSuite, standard_configs
from rlmodule_core.testing.module_suite import ModuleSuite
from rlmodule_core.testing.reference import apply_record, reference

__all__ = [
    "ActorCriticSuite",
    "BackendSuite",
    "CatalogSuite",
    "ClosedForm",
    "DistributionSuite",
    "MemorySuite",
    "ModelSuite",
    "ModuleSuite",
    "apply_record",
    "closed_form",
    "overrides_exam",
    "reference",
    "standard_configs",
]
