"""Save modules to checkpoints, and load them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlmodule_core.checkpoint.describe import describe_modules
from rlmodule_core.checkpoint.section import SECTION, ContainerEntry
from rlmodule_core.checkpoint.storable import Storable
from rlmodule_core.checkpoint.store import write_checkpoint
from rlmodule_core.checkpoint.stored_modules import StoredModules
from rlmodule_core.columns import DEFAULT_MODULE_ID
from rlmodule_core.errors import ConfigError
from rlmodule_core.plans import Weights


def save_module(module: Storable, directory: str | Path) -> Path:
    """Write a checkpoint of one module."""
    return save_modules({DEFAULT_MODULE_ID: module}, directory)


def save_modules(
    modules: Mapping[str, Storable], directory: str | Path, *, container: ContainerEntry | None = None
) -> Path:
    """Write a checkpoint of the modules of a container.

    Raises:
        CheckpointError: it cannot be written.
    """
    section, payloads = describe_modules(modules, container=container)
    return write_checkpoint(directory, kind="rl_module", document={SECTION: section}, payloads=payloads)


def load_module(
    directory: str | Path,
    *,
    base: type[Any],
    framework: str | None,
    module_id: str | None = None,
    module_class: type[Any] | None = None,
    catalog_class: type[Any] | str | None = None,
) -> Any:
    """Build one module of a checkpoint, with its weights.

    Args:
        directory: a checkpoint of a module, a container or an algorithm.
        base: what the module's class must be a subclass of; where the checkpoint names just this class, it is used.
        framework: the framework to build in; None for the one that the checkpoint records. For portable modules it
            records none: they are built in that of `module_class`, else in `default_backend_name()`.
        module_id: which module; the only one by default.
        module_class: the module's class, where it is not to be looked up.
        catalog_class: the catalog, where it is not to be looked up; not asked where plans are stored.

    Raises:
        CheckpointError: the checkpoint is missing or damaged, or does not fit the arguments.
        ConfigError: `module_class` is no RLModule class of that framework, or another argument has the wrong type.
    """
    if framework is not None and not isinstance(framework, str):
        raise ConfigError(f"framework must be a name such as 'numpy', got {framework!r}.")
    if catalog_class is not None and not isinstance(catalog_class, str | type):
        raise ConfigError(f"catalog_class must be a class or the name of an installed catalog, got {catalog_class!r}.")
    stored = StoredModules.read(directory)
    chosen = stored.only_id("Say which with module_id=.") if module_id is None else module_id
    return stored.build(chosen, base=base, framework=framework, module_class=module_class, catalog_class=catalog_class)


def load_modules(directory: str | Path) -> dict[str, Any]:
    """Build all modules of a checkpoint by id, in one framework.

    That is the one of those that are tied to it; where all are portable, `default_backend_name()`.

    Raises:
        CheckpointError: the checkpoint is missing or damaged, or a class is not there.
    """
    return StoredModules.read(directory).build_all()


def read_weights(directory: str | Path, module_id: str | None = None) -> Weights:
    """The weights of one module of a checkpoint; the only one by default.

    Raises:
        CheckpointError: the checkpoint is missing or damaged, or has no such module.
    """
    stored = StoredModules.read(directory)
    if module_id is None:
        module_id = stored.only_id(
            "A spec's load_state_path takes a checkpoint of one module. Build the module without it, then call "
            "set_state(RLModule.from_checkpoint(directory, module_id=...).get_state())."
        )
    return stored.weights(module_id)
