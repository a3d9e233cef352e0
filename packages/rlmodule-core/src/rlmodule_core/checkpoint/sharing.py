"""Which modules and weights are one object under several names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rlmodule_core.backend import Backend
from rlmodule_core.checkpoint.section import Section
from rlmodule_core.checkpoint.storable import Storable
from rlmodule_core.errors import CheckpointError
from rlmodule_core.plans import escape_key, join_name


def owners_of(modules: Mapping[str, object]) -> dict[str, str]:
    """For each id the first one that has the same module."""
    first: dict[int, str] = {}
    return {module_id: first.setdefault(id(module), module_id) for module_id, module in modules.items()}


def shared_weights(modules: Mapping[str, Storable]) -> dict[str, str]:
    """The weights that are one tensor in several of these distinct modules; see `Backend.shared_tensors`."""
    by_backend: dict[Backend, dict[str, Storable]] = {}
    for module_id, module in modules.items():
        by_backend.setdefault(module.backend, {})[module_id] = module
    shared: dict[str, str] = {}
    for backend, own in by_backend.items():
        shared |= backend.shared_tensors(own)
    return shared


def require_shared(section: Section, modules: Mapping[str, Storable], *, where: str) -> None:
    """Refuse modules that do not share exactly what they shared when they were saved.

    Raises:
        CheckpointError: names the modules and weights.
    """
    faults = [*_module_faults(section, modules), *_weight_faults(section, modules)]
    if faults:
        raise CheckpointError(
            f"The modules of {where} do not share what they shared when they were saved: {'; '.join(faults)}. Call "
            "from_checkpoint on the container class whose setup() shares them, construct the container and call its "
            "load_state(directory), or load one module alone with RLModule.from_checkpoint(directory, module_id=...)."
        )


def _module_faults(section: Section, modules: Mapping[str, Storable]) -> Iterator[str]:
    for module_id, owner in section.owners.items():
        if modules[module_id] is not modules[owner]:
            yield f"{module_id!r} and {owner!r} were one module, and are two now"
    now = owners_of({owner: modules[owner] for owner in section.entries})
    for module_id, owner in now.items():
        if module_id != owner:
            yield f"{module_id!r} and {owner!r} were two modules, and are one now"


def _weight_faults(section: Section, modules: Mapping[str, Storable]) -> Iterator[str]:
    then = {
        join_name(escape_key(owner), name): join_name(escape_key(first_id), first_name)
        for owner, names in section.shared.items()
        for name, (first_id, first_name) in names.items()
    }
    owners = owners_of({owner: modules[owner] for owner in section.entries})
    now = shared_weights({owner: modules[owner] for owner in dict.fromkeys(owners.values())})
    for alias, first in then.items():
        if now.get(alias) != first:
            yield f"{alias} and {first} were one tensor, and are two now"
    for alias, first in now.items():
        if then.get(alias) != first:
            yield f"{alias} and {first} were two tensors, and are one now"
