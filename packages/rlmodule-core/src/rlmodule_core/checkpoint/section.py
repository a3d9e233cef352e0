"""What a checkpoint's document says of its modules, held to its types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from rlmodule_core.errors import CheckpointError
from rlmodule_core.plans import escape_key
from rlmodule_core.stored import from_fields

T = TypeVar("T")

SECTION = "rl_module"
"""The key of a checkpoint's document under which the modules are described."""


@dataclass(frozen=True)
class ModuleEntry:
    """One module.

    Attributes:
        architecture: the id under which standard classes of its structure are registered.
        framework: where its networks run; None for a portable module, so that nothing tells which framework wrote it.
            Checkpoints of before record it for those too.
        class_name: the class where it is no standard one.
        non_portable_part: what ties it to its framework.
        config: its RLModuleConfig.
        payload: the name of its weights; those that it shares with an earlier module are in that one's.
    """

    architecture: str | None
    framework: str | None
    class_name: str | None
    non_portable_part: str | None
    config: Mapping[str, Any] | None
    payload: str

    def __post_init__(self) -> None:
        if self.framework is None and not self.portable:
            raise ValueError("framework is null, which only a module that runs in every framework can have.")

    @property
    def portable(self) -> bool:
        """Whether the module runs in every framework."""
        return self.class_name is None and self.non_portable_part is None


@dataclass(frozen=True)
class ContainerEntry:
    """The container that the modules came from.

    Attributes:
        class_name: its class, where it is not the plain MultiAgentRLModule.
        config: where its own `setup` builds the modules, its MultiAgentRLModuleConfig and what became of them.
    """

    class_name: str | None
    config: Mapping[str, Any] | None


@dataclass(frozen=True)
class Section:
    """All modules of a checkpoint.

    Attributes:
        owners: for each id the one that its module is described under: itself, or an id that has the same module.
        entries: the modules by owner.
        shared: for each owner that shares weights with earlier ones: own name to (owner, name) there.
        container: the container, where there was one.
    """

    owners: Mapping[str, str]
    entries: Mapping[str, ModuleEntry]
    shared: Mapping[str, Mapping[str, tuple[str, str]]]
    container: ContainerEntry | None


@dataclass(frozen=True)
class _Stored:
    """The section's fields in the JSON."""

    versions: Mapping[str, Any]
    modules: Mapping[str, Any]
    shared: Mapping[str, Any]
    container: Mapping[str, Any] | None


@dataclass(frozen=True)
class _SameAs:
    same_as: str


def entry_to_json(entry: ModuleEntry | ContainerEntry) -> dict[str, Any]:
    """The fields as the JSON has them."""
    return {"class" if name == "class_name" else name: value for name, value in vars(entry).items()}


def read_section(document: Mapping[str, Any]) -> Section:
    """The section of a document.

    Raises:
        CheckpointError: a field is missing, of another type, or names what is not there; the text names it.
    """
    stored = from_fields(_Stored, document.get(SECTION), where=SECTION)
    owners: dict[str, str] = {}
    entries: dict[str, ModuleEntry] = {}
    for module_id, data in stored.modules.items():
        where = f"{SECTION}.modules.{module_id}"
        if isinstance(data, Mapping) and "same_as" in data:
            owners[module_id] = from_fields(_SameAs, data, where=where).same_as
        else:
            owners[module_id], entries[module_id] = module_id, _read_entry(ModuleEntry, data, where)
    for module_id, owner in owners.items():
        if owner not in entries:
            raise _dangling(f"{SECTION}.modules.{module_id}.same_as", "the id of a module that is described", owner)
    container = stored.container
    return Section(
        owners,
        entries,
        _read_shared(stored.shared, entries),
        None if container is None else _read_entry(ContainerEntry, container, f"{SECTION}.container"),
    )


def _read_entry(cls: type[T], data: object, where: str) -> T:
    if isinstance(data, Mapping):
        data = {"class_name" if name == "class" else name: value for name, value in data.items()}
    return from_fields(cls, data, where=where)


def _read_shared(data: Mapping[str, Any], entries: Mapping[str, ModuleEntry]) -> dict[str, dict[str, tuple[str, str]]]:
    # The ids are escaped as in `Backend.shared_tensors`, so that the first dot ends the id.
    ids = {escape_key(module_id): module_id for module_id in entries}
    shared: dict[str, dict[str, tuple[str, str]]] = {}
    for alias, first in data.items():
        alias_id, _, alias_name = alias.partition(".")
        first_id, _, first_name = first.partition(".") if isinstance(first, str) else ("", "", "")
        if alias_id not in ids or first_id not in ids or first in data:
            raise _dangling(f"{SECTION}.shared", "names of weights of two modules that are described", {alias: first})
        shared.setdefault(ids[alias_id], {})[alias_name] = (ids[first_id], first_name)
    return shared


def _dangling(field: str, expected: str, got: object) -> CheckpointError:
    return CheckpointError(
        f"Expected {expected} in the field '{field}', got {got!r}. It was damaged or changed: restore the checkpoint "
        "from a copy."
    )
