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
from rlmodule_core.spaces.from_dict import space_from_dict
from rlmodule_core.spaces.to_dict import space_to_dict
from rlmodule_core.stored import from_fields, short


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
            ConfigError: there is no catalog class, or what is given is none.
            PluginError: no catalog of that name is installed.
        """
        chosen = default if self.catalog_class is None else self.catalog_class
        if chosen is None:
            raise ConfigError(
                "RLModuleConfig.catalog_class is None, so there is no catalog to build from. Pass a Catalog class or "
                f"the name of an installed one (found: {', '.join(plugins.names(plugins.CATALOGS)) or 'none'})."
            )
        if not isinstance(chosen, str | type):
            raise ConfigError(f"catalog_class must be a class or the name of an installed catalog, got {chosen!r}.")
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
    def from_dict(
        cls, data: Mapping[str, Any], *, catalog_class: type[Any] | str | None = None, where: str = "A module's config"
    ) -> RLModuleConfig:
        """Rebuild a config that `to_dict` wrote.

        Args:
            data: the stored config.
            catalog_class: the catalog in place of the stored one, which is found only under a registered name or where
                its module is already imported.
            where: the place of the data in the document, for error texts.

        Raises:
            CheckpointError: the data are damaged, or the catalog class is not there.
        """
        stored = from_fields(_Stored, data, where=where)
        if catalog_class is None:
            catalog_class = _find_catalog(stored.catalog, needed=stored.plans is None)
        return cls(
            observation_space=None if stored.observation_space is None else space_from_dict(stored.observation_space),
            action_space=None if stored.action_space is None else space_from_dict(stored.action_space),
            model_config_dict=stored.model_config_dict,
            catalog_class=catalog_class,
            plans=None if stored.plans is None else _read_plans(stored.plans, where),
        )


@dataclass(frozen=True)
class _Stored:
    """The fields that `to_dict` writes."""

    observation_space: Mapping[str, Any] | None
    action_space: Mapping[str, Any] | None
    model_config_dict: Mapping[str, Any] | None
    catalog: str | None
    plans: Mapping[str, Any] | None


def _read_plans(data: Mapping[str, Any], where: str) -> ModulePlans:
    plans: object = ModulePlans.from_json(data)
    if not isinstance(plans, ModulePlans):
        raise CheckpointError(
            f"Expected ModulePlans in the field '{where}.plans', got {short(plans)}. The checkpoint was damaged or "
            "changed: restore it from a copy."
        )
    return plans


def _find_catalog(name: str | None, *, needed: bool) -> type[Any] | str | None:
    if name is None or ":" not in name:
        return name
    # Frozen plans need no catalog, so that its package need not be there.
    return find_class(name, argument="catalog_class") if needed else None
