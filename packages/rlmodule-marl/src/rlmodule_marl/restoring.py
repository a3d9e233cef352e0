"""A container from a checkpoint: which class, from which config, with which modules and weights."""

from __future__ import annotations

from typing import Any

from rlmodule_core import CheckpointError, StateError
from rlmodule_core.checkpoint import StoredModules, find_class, require_shared
from rlmodule_marl.config import MultiAgentRLModuleConfig


def container_class(stored: StoredModules, base: type[Any]) -> type[Any]:
    """The class that the checkpoint names: `base` where it names none.

    Raises:
        CheckpointError: the class is not imported, or is no container class.
    """
    entry = stored.section.container
    if entry is None or entry.class_name is None:
        return base
    try:
        found = find_class(entry.class_name, argument="module_class")
    except CheckpointError:
        found = object
    if not issubclass(found, base):
        raise CheckpointError(
            f"{stored.checkpoint.directory} was written by the container class {entry.class_name}, which is not loaded "
            f"here as a {base.__name__}. Call from_checkpoint on the class itself, or import its module first."
        )
    return found


def stored_config(stored: StoredModules, container_class: type[Any]) -> MultiAgentRLModuleConfig:
    """The config that the stored container was constructed from.

    Raises:
        CheckpointError: none is stored, because no container with a `setup` of its own wrote the checkpoint, or it is
            damaged or names classes that are not imported.
    """
    entry = stored.section.container
    if entry is None or entry.config is None:
        raise CheckpointError(
            f"{stored.checkpoint.directory} holds no MultiAgentRLModuleConfig, from which {container_class.__name__} "
            "builds its modules in setup(). Pass it as config=."
        )
    try:
        return MultiAgentRLModuleConfig.from_dict(entry.config)
    except CheckpointError as error:
        raise CheckpointError(
            f"The config of the container in {stored.checkpoint.directory} cannot be read: {error} Or pass the "
            "container's config as config=."
        ) from error


def restore(container: Any, stored: StoredModules) -> None:
    """Give a container that was constructed from a config the modules of the checkpoint, with their weights.

    Raises:
        CheckpointError: weights do not fit, or are not shared as they were.
    """
    for module_id in [module_id for module_id in container if module_id not in stored.ids]:
        container.remove_module(module_id)
    for module_id, owner in stored.section.owners.items():
        if module_id not in container:
            known = owner != module_id and owner in container
            container.add_module(module_id, container[owner] if known else stored.build(module_id))
    where = str(stored.checkpoint.directory)
    require_shared(stored.section, container, where=where)
    try:
        container.set_state({owner: stored.weights(owner) for owner in stored.section.entries})
    except StateError as error:
        raise CheckpointError(
            f"{type(container).__name__}.setup() builds other modules than {where} holds. {error}"
        ) from error
