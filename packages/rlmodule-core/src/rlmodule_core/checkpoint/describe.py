"""What is written of modules: each module and each weight once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from rlmodule_core import plugins
from rlmodule_core.checkpoint.section import SECTION, ContainerEntry, ModuleEntry, entry_to_json
from rlmodule_core.checkpoint.sharing import owners_of, shared_weights
from rlmodule_core.checkpoint.storable import Storable
from rlmodule_core.errors import ConfigError
from rlmodule_core.module.class_names import class_name
from rlmodule_core.module.resolve import has_standard_class
from rlmodule_core.plans import Weights, escape_key, join_name


def describe_modules(
    modules: Mapping[str, Storable], *, container: ContainerEntry | None = None
) -> tuple[dict[str, Any], dict[str, Weights]]:
    """The document's section on these modules, and their weights by payload name.

    Args:
        modules: by id; one module may have several ids.
        container: the container that they are in.
    """
    owners = owners_of(modules)
    distinct = {module_id: modules[module_id] for module_id in dict.fromkeys(owners.values())}
    entries = {module_id: _describe(module, _payload_name(module_id)) for module_id, module in distinct.items()}
    shared = shared_weights(distinct)
    section = {
        "versions": _versions((module, entries[module_id]) for module_id, module in distinct.items()),
        "modules": {
            module_id: entry_to_json(entries[owner]) if module_id == owner else {"same_as": owner}
            for module_id, owner in owners.items()
        },
        "shared": shared,
        "container": None if container is None else entry_to_json(container),
    }
    payloads = {
        _payload_name(module_id): {
            name: array
            for name, array in module.get_state().items()
            if join_name(escape_key(module_id), name) not in shared
        }
        for module_id, module in distinct.items()
    }
    return section, payloads


def _describe(module: Storable, payload: str) -> ModuleEntry:
    if module.framework is None:
        raise ConfigError(f"{type(module).__name__} names no framework, so it has no weights to save.")
    gap, standard = module.non_portable_part(), has_standard_class(module)
    config = module.config
    if config is not None and gap is None:
        config = replace(config, plans=module.frozen_plans())
    return ModuleEntry(
        architecture=module.architecture,
        framework=None if standard and gap is None else module.framework,
        class_name=None if standard else class_name(type(module)),
        non_portable_part=None if gap is None else gap + _origin(module),
        config=None if config is None else config.to_dict(),
        payload=payload,
    )


def _origin(module: Storable) -> str:
    catalog = _distribution_of_catalog(module)
    return "" if catalog is None else f" (its catalog is that of the distribution {catalog})"


def _distribution_of_catalog(module: Storable) -> str | None:
    catalog = None if module.config is None else module.config.catalog_class
    return None if catalog is None else plugins.distribution_of(plugins.CATALOGS, catalog)


def _payload_name(module_id: str) -> str:
    return f"{SECTION}.{module_id}"


def _versions(modules: Iterable[tuple[Storable, ModuleEntry]]) -> dict[str, str]:
    """The versions of the packages that the modules come from: information for people, never acted upon."""
    packages = {"rlmodule-core", "numpy"}
    for module, entry in modules:
        catalog = _distribution_of_catalog(module)
        packages |= set() if catalog is None else {catalog}
        # That of a portable module's class would tell which framework wrote it.
        packages |= set() if entry.portable else {type(module).__module__.partition(".")[0].replace("_", "-")}
    found = {}
    for package in sorted(packages):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
