"""Modules in checkpoints: what is written of a module, and how it is built again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rlmodule_core.checkpoint.storable import Storable
from rlmodule_core.checkpoint.store import Checkpoint, read_checkpoint, write_checkpoint
from rlmodule_core.columns import DEFAULT_MODULE_ID
from rlmodule_core.errors import CheckpointError, nearest
from rlmodule_core.module.class_names import class_name, find_class
from rlmodule_core.module.config import RLModuleConfig
from rlmodule_core.module.resolve import has_standard_class, resolve_module_class, standard_class
from rlmodule_core.plans import Weights

SECTION = "rl_module"
"""The key of a checkpoint's document under which the modules are described."""


def save_module(module: Storable, directory: str | Path) -> Path:
    """Write a checkpoint of one module."""
    return save_modules({DEFAULT_MODULE_ID: module}, directory)


def save_modules(modules: Mapping[str, Storable], directory: str | Path) -> Path:
    """Write a checkpoint of the modules of a container.

    Raises:
        CheckpointError: it cannot be written.
    """
    section, payloads = describe_modules(modules)
    return write_checkpoint(directory, kind="rl_module", document={SECTION: section}, payloads=payloads)


def describe_modules(modules: Mapping[str, Storable]) -> tuple[dict[str, Any], dict[str, Weights]]:
    """The document's section on these modules, and their weights by payload name."""
    section = {
        "versions": _versions(modules.values()),
        "modules": {module_id: _describe(module, _payload_name(module_id)) for module_id, module in modules.items()},
    }
    return section, {_payload_name(module_id): module.get_state() for module_id, module in modules.items()}


def load_module(
    directory: str | Path,
    *,
    base: type[Any],
    framework: str | None,
    module_id: str | None = None,
    module_class: type[Any] | None = None,
) -> Any:
    """Build one module of a checkpoint, with its weights.

    Args:
        directory: a checkpoint of a module, a container or an algorithm.
        base: what the module's class must be a subclass of.
        framework: the framework to build in; None for the one that wrote the checkpoint.
        module_id: which module; the only one by default.
        module_class: the module's class, where it is not to be looked up.

    Raises:
        CheckpointError: the checkpoint is missing or damaged, or does not fit the arguments.
    """
    checkpoint = read_checkpoint(directory)
    module = _build(checkpoint, _entry(checkpoint, module_id), framework, module_class)
    if not isinstance(module, base):
        raise CheckpointError(
            f"The module in {directory} is a {type(module).__name__}, not a {base.__name__}. Call "
            f"{type(module).__name__}.from_checkpoint, or RLModule.from_checkpoint, which takes any."
        )
    return module


def load_modules(directory: str | Path) -> dict[str, Any]:
    """Build all modules of a checkpoint by id, in the framework that wrote them.

    Raises:
        CheckpointError: the checkpoint is missing or damaged, or a class is not there.
    """
    checkpoint = read_checkpoint(directory)
    checkpoint.verify()
    entries = checkpoint.document[SECTION]["modules"].items()
    return {module_id: _build(checkpoint, entry) for module_id, entry in entries}


def _build(
    checkpoint: Checkpoint,
    entry: Mapping[str, Any],
    framework: str | None = None,
    module_class: type[Any] | None = None,
) -> Any:
    directory = checkpoint.directory
    target = entry["framework"] if framework is None else framework
    config = None if entry["config"] is None else RLModuleConfig.from_dict(entry["config"])
    if target != entry["framework"] and (config is None or config.plans is None):
        raise CheckpointError(
            f"The module in {directory} was written by {entry['framework']} and is tied to it by "
            f"{entry['non_portable_part']}, so it cannot be loaded with framework {target!r}. Load it with "
            f"framework {entry['framework']!r}."
        )
    cls = resolve_module_class(_class_of(entry, target) if module_class is None else module_class, target)
    weights = checkpoint.payload(entry["payload"])
    module = cls(config)
    module.set_state(weights)
    return module


def read_weights(directory: str | Path, module_id: str | None = None) -> Weights:
    """The weights of one module of a checkpoint; the only one by default.

    Raises:
        CheckpointError: the checkpoint is missing or damaged, or has no such module.
    """
    checkpoint = read_checkpoint(directory)
    return checkpoint.payload(_entry(checkpoint, module_id)["payload"])


def _describe(module: Storable, payload: str) -> dict[str, Any]:
    gap = module.non_portable_part()
    config = module.config
    if config is not None and gap is None:
        config = replace(config, plans=module.frozen_plans())
    return {
        "architecture": module.architecture,
        "framework": module.framework,
        "class": None if has_standard_class(module) else class_name(type(module)),
        "non_portable_part": gap,
        "config": None if config is None else config.to_dict(),
        "payload": payload,
    }


def _entry(checkpoint: Checkpoint, module_id: str | None) -> dict[str, Any]:
    modules = checkpoint.document.get(SECTION, {}).get("modules", {})
    if module_id is None:
        if len(modules) != 1:
            raise CheckpointError(
                f"{checkpoint.directory} holds {len(modules)} modules ({', '.join(modules) or 'none'}). Say which with "
                "module_id=."
            )
        module_id = next(iter(modules))
    if module_id not in modules:
        raise CheckpointError(
            f"{checkpoint.directory} holds no module {module_id!r} (it holds: {', '.join(modules) or 'none'})."
            f"{nearest(module_id, modules)}"
        )
    entry: dict[str, Any] = modules[module_id]
    return entry


def _class_of(entry: Mapping[str, Any], framework: str) -> Any:
    # Here, because RLModule's own file imports this one.
    from rlmodule_core.module.rl_module import RLModule

    if entry["class"] is not None:
        found = find_class(entry["class"], argument="module_class")
        if not issubclass(found, RLModule):
            raise CheckpointError(
                f"The checkpoint names the class {entry['class']}, which is no RLModule. Load the file that "
                "save_to_checkpoint wrote, or pass the class as module_class=."
            )
        return found
    return standard_class(entry["architecture"], framework)


def _payload_name(module_id: str) -> str:
    return f"{SECTION}.{module_id}"


def _versions(modules: Any) -> dict[str, str]:
    """The versions of the packages that the modules come from: information for people, never acted upon."""
    packages = {"rlmodule-core", "numpy"}
    packages |= {type(module).__module__.partition(".")[0].replace("_", "-") for module in modules}
    found = {}
    for package in sorted(packages):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
