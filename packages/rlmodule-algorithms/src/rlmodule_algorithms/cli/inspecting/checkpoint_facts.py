"""What a checkpoint says of itself; nothing that it names is imported, and no framework is needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlmodule_algorithms.checkpointing.stored_algorithm import ALGORITHM_SECTION
from rlmodule_algorithms.cli.inspecting.algorithm_facts import AlgorithmFacts, algorithm_facts
from rlmodule_algorithms.cli.inspecting.module_facts import ModuleFacts, module_facts
from rlmodule_core.checkpoint import SECTION, StoredModules


@dataclass(frozen=True)
class FileFacts:
    """A file of the checkpoint.

    Attributes:
        holds: the payloads that it holds; those of equal content share one.
    """

    name: str
    size: int
    holds: tuple[str, ...]


@dataclass(frozen=True)
class CheckpointFacts:
    """What `rlmodule inspect` shows.

    Attributes:
        kind: "rl_module" or "algorithm".
        format: the number of the layout.
        versions: of the packages that wrote it.
        container: the class of the container, where there was one.
        modules: in the order in which they were saved.
        shared: weights that are one tensor with an earlier one, by name behind the module's id.
    """

    directory: str
    kind: str
    format: int
    versions: Mapping[str, str]
    container: str | None
    modules: tuple[ModuleFacts, ...]
    shared: Mapping[str, str]
    algorithm: AlgorithmFacts | None
    files: tuple[FileFacts, ...]


def checkpoint_facts(directory: Path, *, module_id: str | None = None) -> CheckpointFacts:
    """Read a checkpoint, check all of it, and describe it.

    Args:
        directory: the checkpoint.
        module_id: describe only this module.

    Raises:
        CheckpointError: it is missing or damaged, or has no such module.
    """
    stored = StoredModules.read(directory)
    stored.checkpoint.verify()
    document, section = stored.checkpoint.document, stored.section
    header = _header(directory, stored.checkpoint.kind)
    chosen = stored.ids if module_id is None else (module_id,)
    container = section.container
    return CheckpointFacts(
        directory=str(directory),
        kind=stored.checkpoint.kind,
        format=header["format"],
        versions=document[SECTION]["versions"],
        container=None if container is None else container.class_name or "MultiAgentRLModule",
        modules=tuple(module_facts(stored, chosen_id) for chosen_id in chosen),
        shared=document[SECTION]["shared"],
        algorithm=algorithm_facts(directory) if ALGORITHM_SECTION in document else None,
        files=_files(directory, stored.checkpoint.kind, header["payloads"]),
    )


def _header(directory: Path, kind: str) -> dict[str, Any]:
    """The store's own keys of a document that was found whole a moment ago."""
    header: dict[str, Any] = json.loads((directory / f"{kind}.json").read_bytes())
    return header


def _files(directory: Path, kind: str, payloads: Mapping[str, Mapping[str, Any]]) -> tuple[FileFacts, ...]:
    holds: dict[str, list[str]] = {}
    for name, record in payloads.items():
        holds.setdefault(record["file"], []).append(name)
    sizes = {record["file"]: record["size"] for record in payloads.values()}
    document = f"{kind}.json"
    own = FileFacts(document, (directory / document).stat().st_size, ())
    return (own, *(FileFacts(file, sizes[file], tuple(names)) for file, names in holds.items()))
