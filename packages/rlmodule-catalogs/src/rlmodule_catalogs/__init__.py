"""Catalogs: from Gymnasium spaces and a few settings to networks."""

from rlmodule_catalogs.__about__ import INTERFACE, __version__
from rlmodule_core import check_interface

check_interface("rlmodule-catalogs", INTERFACE)

from rlmodule_catalogs.catalog import Catalog  # noqa: E402
from rlmodule_catalogs.encoder_config import encoder_config_for  # noqa: E402
from rlmodule_catalogs.ppo_catalog import PPOCatalog  # noqa: E402
from rlmodule_catalogs.settings import ModelSettings  # noqa: E402

__all__ = ["INTERFACE", "Catalog", "ModelSettings", "PPOCatalog", "__version__", "encoder_config_for"]
