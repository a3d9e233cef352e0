"""The modules of a checkpoint: their weights, and how they are built again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlmodule_core.backend import default_backend_name
from rlmodule_core.checkpoint.fitting import require_plans_fit
from rlmodule_core.checkpoint.layout import KINDS, Kind
from rlmodule_core.checkpoint.section import ModuleEntry, Section, read_section
from rlmodule_core.checkpoint.sharing import require_shared
from rlmodule_core.checkpoint.store import Checkpoint, read_checkpoint
from rlmodule_core.errors import CheckpointError, ConfigError, PluginError, RLModuleError, StateError, nearest
from rlmodule_core.module.class_names import class_name, find_class
from rlmodule_core.module.config import RLModuleConfig
from rlmodule_core.module.resolve import resolve_module_class, standard_class
from rlmodule_core.plans import Weights

_NO_CONFIG = (
    " It was constructed without a config, perhaps from arguments that no checkpoint holds. If so, construct it "
    "yourself, and call its set_state() with read_weights(directory, module_id) of rlmodule_core.checkpoint."
)


@dataclass(frozen=True)
class StoredModules:
    """What a checkpoint holds of modules, whole and checked."""

    checkpoint: Checkpoint
    section: Section

    @classmethod
    def read(cls, directory: str | Path, *, kinds: Sequence[Kind] = KINDS) -> StoredModules:
        """Read a checkpoint of a module, a container or an algorithm.

        Raises:
            CheckpointError: it is missing, damaged or of another kind.
        """
        checkpoint = read_checkpoint(directory, kinds=kinds)
        return cls(checkpoint, read_section(checkpoint.document))

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the modules."""
        return tuple(self.section.owners)

    @property
    def framework(self) -> str | None:
        """The framework on file, to which modules are tied; None where all are portable and none is recorded."""
        return next((entry.framework for entry in self.section.entries.values() if entry.framework is not None), None)

    def only_id(self, next_step: str) -> str:
        """The id of the only module.

        Raises:
            CheckpointError: there are several; the text ends with `next_step`.
        """
        if len(self.ids) != 1:
            raise CheckpointError(
                f"{self.checkpoint.directory} holds {len(self.ids)} modules ({', '.join(self.ids) or 'none'}). "
                f"{next_step}"
            )
        return self.ids[0]

    def weights(self, module_id: str) -> Weights:
        """All weights of one module, those included that it shares with others.

        Raises:
            CheckpointError: there is no such module, or a weight is not there.
        """
        owner = self._owner(module_id)
        weights = self._own_weights(owner)
        shared = self.section.shared.get(owner, {})
        sources = {first_id: self._own_weights(first_id) for first_id in {first_id for first_id, _ in shared.values()}}
        for name, (first_id, first_name) in shared.items():
            source = sources[first_id]
            if first_name not in source or name in weights:
                raise CheckpointError(
                    f"Expected {name!r} of module {owner!r} to be stored once, as {first_name!r} of {first_id!r}, in "
                    f"{self.checkpoint.directory}. The checkpoint was damaged or changed: restore it from a copy."
                )
            weights[name] = source[first_name]
        return weights

    def build(
        self,
        module_id: str,
        *,
        base: type[Any] | None = None,
        framework: str | None = None,
        module_class: type[Any] | None = None,
        catalog_class: type[Any] | str | None = None,
    ) -> Any:
        """Build one module, with its weights; see `load_module`."""
        entry, directory = self.section.entries[self._owner(module_id)], self.checkpoint.directory
        config = self._config(module_id, catalog_class)
        target = _target(entry, framework, module_class)
        if entry.framework not in (None, target) and (config is None or config.plans is None):
            raise CheckpointError(
                f"The module in {directory} was written by {entry.framework} and is tied to it by "
                f"{entry.non_portable_part}, so it cannot be loaded with framework {target!r}. Load it with framework "
                f"{entry.framework!r}."
            )
        cls = _class_of(entry, target, base) if module_class is None else resolve_module_class(module_class, target)
        if base is not None and not issubclass(cls, base):
            raise CheckpointError(
                f"The module in {directory} is a {cls.__name__}, not a {base.__name__}. Call "
                f"{cls.__name__}.from_checkpoint, or RLModule.from_checkpoint, which takes any."
            )
        weights = self.weights(module_id)
        if entry.class_name is None and module_class is None:
            require_plans_fit(config, weights, where=f"module {module_id!r} of {directory}")
        with _saying_what_needs_it(entry, PluginError):
            return self._construct(cls, config, weights)

    def build_all(self) -> dict[str, Any]:
        """Build all modules by id; ids of one module get the same object.

        Each is built in the framework that is recorded for it, and a portable one, for which none is, in that of the
        others; where all are portable, in `default_backend_name()`.

        Raises:
            CheckpointError: a class is not there, or weights that were shared are not shared any more.
        """
        self.checkpoint.verify()
        built = {
            owner: self.build(owner, framework=self.framework if entry.framework is None else None)
            for owner, entry in self.section.entries.items()
        }
        modules = {module_id: built[owner] for module_id, owner in self.section.owners.items()}
        require_shared(self.section, modules, where=str(self.checkpoint.directory))
        return modules

    def _owner(self, module_id: object) -> str:
        owners = self.section.owners
        if not isinstance(module_id, str) or module_id not in owners:
            raise CheckpointError(
                f"{self.checkpoint.directory} holds no module {module_id!r} (it holds: {', '.join(owners) or 'none'})."
                f"{nearest(str(module_id), owners)}"
            )
        return owners[module_id]

    def _own_weights(self, owner: str) -> Weights:
        return self.checkpoint.payload(self.section.entries[owner].payload)

    def _config(self, module_id: str, catalog_class: type[Any] | str | None) -> RLModuleConfig | None:
        owner, container = self._owner(module_id), self.section.container
        data = self.section.entries[owner].config
        if data is not None:
            where = f"rl_module.modules.{owner}.config"
            chosen = _named_catalog(self.section.entries[owner], data) if catalog_class is None else catalog_class
            config = RLModuleConfig.from_dict(data, catalog_class=chosen, where=where)
            _require_catalog(config.catalog_class)
            return config
        if container is not None and container.config is not None:
            raise CheckpointError(
                f"Module {module_id!r} of {self.checkpoint.directory} has no config of its own: its container's "
                f"setup() builds it. Load the container with from_checkpoint of the class {container.class_name}."
            )
        return None

    def _construct(self, cls: Any, config: RLModuleConfig | None, weights: Weights) -> Any:
        expected: tuple[type[Exception], ...] = (ConfigError, StateError, MemoryError)
        if config is None:
            # A class that is constructed from arguments of its own raises these where one is missing, or None.
            expected += (TypeError, AttributeError)
        try:
            module = cls(config)
            module.set_state(weights)
        except expected as error:
            raise CheckpointError(
                f"The module in {self.checkpoint.directory} cannot be built from what is stored: {error}"
                f"{_NO_CONFIG if config is None else ''}"
            ) from error
        return module


def _target(entry: ModuleEntry, asked: str | None, module_class: Any) -> str:
    """The framework to build in: what the caller, the file or the given class names first, else the default."""
    of_class: str | None = getattr(module_class, "framework", None)
    for named in (asked, entry.framework, of_class):
        if named is not None:
            return named
    return default_backend_name()


def _named_catalog(entry: ModuleEntry, config: Mapping[str, Any]) -> type[Any] | None:
    """The class that a config without plans names as its catalog."""
    name = config.get("catalog")
    if config.get("plans") is not None or not isinstance(name, str) or ":" not in name:
        return None
    with _saying_what_needs_it(entry, CheckpointError):
        return find_class(name, argument="catalog_class")


@contextmanager
def _saying_what_needs_it(entry: ModuleEntry, missing: type[RLModuleError]) -> Iterator[None]:
    """Within the block, a catalog that is not there is reported with what ties the module to it."""
    try:
        yield
    except missing as error:
        if entry.non_portable_part is None:
            raise
        text = f"{error} The module is tied to {entry.framework} by {entry.non_portable_part}."
        raise type(error)(text) from error


def _require_catalog(catalog_class: type[Any] | str | None) -> None:
    # A file must not choose just any class to be called.
    if isinstance(catalog_class, type) and not callable(getattr(catalog_class, "get_action_dist_cls", None)):
        raise CheckpointError(
            f"The catalog class {class_name(catalog_class)} is no catalog: it has no get_action_dist_cls. Pass the "
            "catalog as catalog_class=."
        )


def _class_of(entry: ModuleEntry, framework: str, base: type[Any] | None) -> Any:
    if entry.class_name is None:
        if entry.architecture is None:
            raise CheckpointError(
                "The checkpoint names neither a class nor an architecture for the module. It was damaged or changed: "
                "restore it from a copy."
            )
        return standard_class(entry.architecture, framework)
    # Where the caller names the class too, it may well live in a script.
    own = base is not None and class_name(base) == entry.class_name
    found = base if own else find_class(entry.class_name, argument="module_class")
    try:
        return resolve_module_class(found, framework)
    except ConfigError as error:
        raise CheckpointError(
            f"The checkpoint names the class {entry.class_name}, which cannot be built. {error} Load a checkpoint that "
            "save_to_checkpoint wrote, or pass the class as module_class=."
        ) from error
