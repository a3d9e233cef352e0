"""What an RLModule is constructed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from rlmodule_core import plugins
from rlmodule_core.errors import CheckpointError, ConfigError
from rlmodule_core.module.class_names import class_name, find_class
from rlmodule_core.module.plans import ModulePlans
from rlmodule_core.spaces import space_from_dict, space_to_dict


@dataclass(frozen=True)
class RLModuleConfig:
    """The constructor argument of every RLModule.

    Attributes:
        observation_space: the space of one observation.
        action_space: the space of one action.
        model_config_dict: model settings; read by the catalog, or by a module that uses no catalog.
        catalog_class: the catalog that builds the networks, as a class or by its registered name.
        plans: where set, the networks are built from these plans and no catalog is asked.
    """

    observation_space: gym.Space[Any] | None = None
    action_space: gym.Space[Any] | None = None
    model_config_dict: Mapping[str, Any] | None = None
    catalog_class: type[Any] | str | None = None
    plans: ModulePlans | None = None

    def get_catalog(self, *, default: str | None = None) -> Any:
        """A catalog for these spaces and settings.

        Args:
            default: the registered name of the catalog to use where `catalog_class` is None.

        Raises:
            ConfigError: there is no catalog class.
            PluginError: no catalog of that name is installed.
        """
        chosen = default if self.catalog_class is None else self.catalog_class
        if chosen is None:
            raise ConfigError(
                "RLModuleConfig.catalog_class is None, so there is no catalog to build from. Pass a Catalog class or "
                f"the name of an installed one (found: {', '.join(plugins.names(plugins.CATALOGS)) or 'none'})."
            )
        catalog_class = plugins.load(plugins.CATALOGS, chosen) if isinstance(chosen, str) else chosen
        settings = {} if self.model_config_dict is None else self.model_config_dict
        return catalog_class(self.observation_space, self.action_space, settings)

    def to_dict(self) -> dict[str, Any]:
        """The config as JSON-able data; a catalog class is recorded by name."""
        catalog = self.catalog_class
        return {
            "observation_space": None if self.observation_space is None else space_to_dict(self.observation_space),
            "action_space": None if self.action_space is None else space_to_dict(self.action_space),
            "model_config_dict": None if self.model_config_dict is None else dict(self.model_config_dict),
            "catalog": class_name(catalog) if isinstance(catalog, type) else catalog,
            "plans": None if self.plans is None else self.plans.to_json(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RLModuleConfig:
        """Rebuild a config that `to_dict` wrote.

        A catalog class that is not registered under a name is found only where its module is already imported.

        Raises:
            CheckpointError: the data are damaged, or the catalog class is not there.
        """
        try:
            observation, action = data["observation_space"], data["action_space"]
            settings, catalog, plans = data["model_config_dict"], data["catalog"], data["plans"]
        except KeyError as error:
            raise CheckpointError(f"A stored module config lacks the field {error}.") from error
        return cls(
            observation_space=None if observation is None else space_from_dict(observation),
            action_space=None if action is None else space_from_dict(action),
            model_config_dict=settings,
            # Frozen plans need no catalog, so that its package need not be there.
            catalog_class=None if plans is not None else _find_catalog(catalog),
            plans=None if plans is None else ModulePlans.from_json(plans),
        )


def _find_catalog(name: str | None) -> type[Any] | str | None:
    return find_class(name, argument="catalog_class") if name is not None and ":" in name else name
