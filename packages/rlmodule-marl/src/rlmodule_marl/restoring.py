"""A container from a checkpoint: which class, from which config, with which modules and weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlmodule_core import CheckpointError, RLModule, StateError
from rlmodule_core.checkpoint import StoredModules, find_class, require_shared
from rlmodule_marl.config import MultiAgentRLModuleConfig

_SET_UP_AS = "set_up_as"


@dataclass(frozen=True)
class StoredSetup:
    """What a container's `setup` starts from, and which of the modules that it makes are still there.

    Attributes:
        config: the constructor argument.
        set_up_as: for each id whose module `setup` made, the id that it had then; None where that is not known.
    """

    config: MultiAgentRLModuleConfig
    set_up_as: Mapping[str, str] | None


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


def setup_to_dict(
    config: MultiAgentRLModuleConfig, *, set_up: Mapping[str, RLModule], modules: Mapping[str, RLModule]
) -> dict[str, Any]:
    """The config as JSON-able data, with the origin of each module.

    Args:
        config: what the container was constructed from.
        set_up: the modules that its `setup` made.
        modules: those that are there now.
    """
    first = {id(module): module_id for module_id, module in reversed(list(set_up.items()))}
    origins = {
        module_id: module_id if set_up.get(module_id) is module else first[id(module)]
        for module_id, module in modules.items()
        if id(module) in first
    }
    return {**config.to_dict(), _SET_UP_AS: origins}


def stored_setup(stored: StoredModules, chosen: type[Any], *, config: MultiAgentRLModuleConfig | None) -> StoredSetup:
    """What the stored container was set up from.

    Args:
        stored: the checkpoint.
        chosen: the class to construct.
        config: the config in place of the stored one.

    Raises:
        CheckpointError: no config is given and none is stored, because no container with a `setup` of its own wrote the
            checkpoint, or it is damaged or names classes that are not imported.
    """
    entry, directory = stored.section.container, stored.checkpoint.directory
    data = {} if entry is None or entry.config is None else dict(entry.config)
    set_up_as = _read_origins(data.pop(_SET_UP_AS, None))
    if config is not None:
        return StoredSetup(config, set_up_as)
    if entry is None or entry.config is None:
        raise CheckpointError(
            f"{directory} holds no MultiAgentRLModuleConfig, from which {chosen.__name__} builds its modules "
            "in setup(). Pass it as config=."
        )
    try:
        return StoredSetup(MultiAgentRLModuleConfig.from_dict(data, where="rl_module.container.config"), set_up_as)
    except CheckpointError as error:
        raise CheckpointError(
            f"The config of the container in {directory} cannot be read: {error} Or pass the container's config as "
            "config=."
        ) from error


def restore(container: Any, stored: StoredModules, *, set_up_as: Mapping[str, str] | None) -> None:
    """Give a container that was constructed from a config the modules of the checkpoint, with their weights.

    Raises:
        CheckpointError: a module cannot be built, weights do not fit, or are not shared as they were.
    """
    made = dict(container.items())
    origins = {module_id: module_id for module_id in made} if set_up_as is None else set_up_as
    owners = stored.section.owners
    chosen: dict[str, RLModule] = {}
    for module_id, owner in owners.items():
        if origins.get(module_id) in made:
            chosen.setdefault(owner, made[origins[module_id]])
    framework = next((module.framework for module in chosen.values()), stored.framework)
    for owner in stored.section.entries:
        if owner not in chosen:
            chosen[owner] = _build(stored, owner, framework)
    for module_id in made:
        container.remove_module(module_id)
    for module_id, owner in owners.items():
        container.add_module(module_id, chosen[owner])
    where = str(stored.checkpoint.directory)
    require_shared(stored.section, container, where=where)
    try:
        container.set_state({owner: stored.weights(owner) for owner in stored.section.entries})
    except StateError as error:
        raise CheckpointError(
            f"{type(container).__name__}.setup() builds other modules than {where} holds. {error}"
        ) from error


def _build(stored: StoredModules, module_id: str, framework: str | None) -> RLModule:
    entry, directory = stored.section.entries[module_id], stored.checkpoint.directory
    try:
        if entry.config is None:
            raise CheckpointError("It has no config of its own.")
        module: RLModule = stored.build(module_id, framework=framework)
    except CheckpointError as error:
        raise CheckpointError(
            f"Module {module_id!r} of {directory} is none that setup() makes, and cannot be built from the checkpoint "
            f"either: {error} Construct the container, add the module to it with add_module(), and call "
            "load_state(directory)."
        ) from error
    return module


def _read_origins(data: object) -> Mapping[str, str] | None:
    if data is None:
        return None
    if not isinstance(data, Mapping) or not all(isinstance(origin, str) for origin in data.values()):
        raise CheckpointError(
            f"Expected module ids by module id in the field 'rl_module.container.config.{_SET_UP_AS}', got {data!r}. "
            "The checkpoint was damaged or changed: restore it from a copy."
        )
    return data
