"""Weights of a checkpoint, for modules that are there already."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from rlmodule_core import CheckpointError, ConfigError, SingleAgentRLModuleSpec, StateError, nearest
from rlmodule_core.checkpoint import StoredModules
from rlmodule_core.plans import Weights


def read_states(directory: str | Path, module_ids: Collection[str]) -> dict[str, Weights]:
    """The weights of these modules, by id.

    What was saved as a single module has no id of its own: it stands for the one that is asked for, where only one is.

    Raises:
        CheckpointError: the checkpoint is missing or damaged, or lacks modules; names them all.
    """
    stored = StoredModules.read(directory)
    if len(module_ids) == len(stored.ids) == 1 and stored.section.container is None:
        return {module_id: stored.weights(stored.ids[0]) for module_id in module_ids}
    lacking = [module_id for module_id in module_ids if module_id not in stored.ids]
    if lacking:
        raise CheckpointError(
            f"{directory} has no weights for {', '.join(map(repr, lacking))} (it holds: "
            f"{', '.join(stored.ids) or 'none'}). Say with modules_to_load= which modules to load from it."
        )
    return {module_id: stored.weights(module_id) for module_id in module_ids}


def read_own_state(directory: str | Path, module_id: str) -> Weights:
    """The weights for one module: the only ones there are, or those under its id.

    Raises:
        CheckpointError: the checkpoint is missing or damaged, or does not hold the module.
    """
    stored = StoredModules.read(directory)
    return stored.weights(stored.ids[0] if len(stored.ids) == 1 else module_id)


def check_sources(
    specs: Mapping[str, SingleAgentRLModuleSpec],
    *,
    directory: str | Path | None,
    modules_to_load: Collection[str] | None,
) -> None:
    """Refuse specs that do not say clearly where first weights come from.

    Raises:
        ConfigError: `modules_to_load` names a module without a spec, or one whose spec has a checkpoint of its own, or
            there is no checkpoint to load them from.
    """
    if modules_to_load is None:
        return
    if directory is None:
        raise ConfigError(
            f"modules_to_load is {sorted(modules_to_load)}, but load_state_path is None. Pass the checkpoint to load "
            "from as load_state_path=, or leave modules_to_load out."
        )
    for module_id in sorted(modules_to_load):
        if module_id not in specs:
            raise ConfigError(
                f"modules_to_load names {module_id!r}, which has no spec (there are: {', '.join(specs)})."
                f"{nearest(module_id, specs)} Name modules of module_specs."
            )
        if specs[module_id].load_state_path is not None:
            raise ConfigError(
                f"Module {module_id!r} is named in modules_to_load, and its own spec has a load_state_path too, "
                f"{str(specs[module_id].load_state_path)!r}. Leave out one of them."
            )


def load_first_weights(
    container: Any,
    specs: Mapping[str, SingleAgentRLModuleSpec],
    *,
    directory: str | Path | None,
    modules_to_load: Collection[str] | None,
) -> None:
    """Load the container's checkpoint, then those of its modules' own specs, which win where modules share.

    Raises:
        CheckpointError: a checkpoint is missing, damaged or lacks modules.
        UnknownIdError: the container has no module of an id that is to be loaded.
        StateError: weights do not fit; names the module.
    """
    own = {module_id: path for module_id, spec in specs.items() if (path := spec.load_state_path) is not None}
    if directory is not None:
        chosen = [module_id for module_id in container if module_id not in own]
        container.load_state(directory, modules_to_load=chosen if modules_to_load is None else modules_to_load)
    try:
        container.set_state({module_id: read_own_state(path, module_id) for module_id, path in own.items()})
    except StateError as error:
        raise StateError(f"The load_state_path of a module's own spec does not fit. {error}") from error
