"""A recipe for a multi-agent container."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Any, overload

from rlmodule_core import CheckpointError, ConfigError, RLModule, SingleAgentRLModuleSpec, nearest
from rlmodule_core.checkpoint import class_name, find_class, from_fields
from rlmodule_marl.config import MultiAgentRLModuleConfig
from rlmodule_marl.container import MultiAgentRLModule
from rlmodule_marl.loading import check_sources, load_first_weights
from rlmodule_marl.module_ids import check_module_ids
from rlmodule_marl.module_specs import SpecsById, check_specs, merge_specs


@dataclass(frozen=True)
class MultiAgentRLModuleSpec:
    """What a container is built from.

    First weights come from the checkpoint of the container, then from those of its modules' own specs, which win.

    Attributes:
        marl_module_class: the container's class.
        module_specs: the spec of each module by id; a single spec stands for every id, see `for_modules`.
        load_state_path: a checkpoint directory whose weights the modules of the built container start with.
        modules_to_load: the ids to load from it; by default all whose own specs have no `load_state_path`.
    """

    marl_module_class: type[MultiAgentRLModule] = MultiAgentRLModule
    module_specs: SpecsById | SingleAgentRLModuleSpec = field(default_factory=dict)
    _: KW_ONLY
    load_state_path: str | Path | None = None
    modules_to_load: Collection[str] | None = None

    def __post_init__(self) -> None:
        container, specs, chosen = self.marl_module_class, self.module_specs, self.modules_to_load
        if not (isinstance(container, type) and issubclass(container, MultiAgentRLModule)):
            raise ConfigError(
                f"MultiAgentRLModuleSpec.marl_module_class must be a subclass of MultiAgentRLModule, got {container!r}."
                " The specs of the modules are passed as module_specs=."
            )
        if not isinstance(specs, Mapping | SingleAgentRLModuleSpec):
            raise ConfigError(
                "MultiAgentRLModuleSpec.module_specs must be a dict of SingleAgentRLModuleSpecs by module id, or one "
                f"spec for all ids, got {specs!r}. Pass {{'red': SingleAgentRLModuleSpec(...)}}, for example."
            )
        if isinstance(specs, Mapping):
            check_specs(specs, where="MultiAgentRLModuleSpec.module_specs")
        if chosen is not None:
            ids = check_module_ids(chosen, where="MultiAgentRLModuleSpec.modules_to_load")
            object.__setattr__(self, "modules_to_load", frozenset(ids))

    @overload
    def build(self, module_id: None = None, *, framework: str | None = None) -> MultiAgentRLModule: ...

    @overload
    def build(self, module_id: str, *, framework: str | None = None) -> RLModule: ...

    def build(self, module_id: str | None = None, *, framework: str | None = None) -> MultiAgentRLModule | RLModule:
        """Build the container, or only the module `module_id`, with its first weights.

        Raises:
            ConfigError: `module_specs` names no ids or not this one, a spec lacks a field, or `modules_to_load` names
                a module that has no spec, or one whose spec has a `load_state_path` of its own.
            CheckpointError: a `load_state_path` cannot be read, or lacks modules.
            StateError: its weights do not fit.
        """
        specs = self._by_id()
        if not specs:
            raise ConfigError(
                "MultiAgentRLModuleSpec.module_specs is empty, so there is nothing to build. Add specs with "
                "add_modules(), or construct MultiAgentRLModule() to add modules to."
            )
        check_sources(specs, directory=self.load_state_path, modules_to_load=self.modules_to_load)
        if module_id is None:
            return self._build(self.marl_module_class, specs, framework)
        if not isinstance(module_id, str) or module_id not in specs:
            raise ConfigError(
                f"There is no spec for module {module_id!r} (there are: {', '.join(specs)})."
                f"{nearest(str(module_id), specs)} Add one with add_modules()."
            )
        return self._build(MultiAgentRLModule, {module_id: specs[module_id]}, framework)[module_id]

    def _build(
        self, container_class: type[MultiAgentRLModule], specs: SpecsById, framework: str | None
    ) -> MultiAgentRLModule:
        # Not loaded in setup(): a container's own may pay no heed to it, or share what is to be loaded.
        fresh = {module_id: replace(spec, load_state_path=None) for module_id, spec in specs.items()}
        container = container_class(MultiAgentRLModuleConfig(fresh, framework))
        chosen = self.modules_to_load
        if chosen is not None:
            chosen = [module_id for module_id in chosen if module_id in specs]
        load_first_weights(container, specs, directory=self.load_state_path, modules_to_load=chosen)
        return container

    def get_marl_config(self, *, framework: str | None = None) -> MultiAgentRLModuleConfig:
        """The constructor argument of the container; the weights of `load_state_path` come with `build` alone."""
        return MultiAgentRLModuleConfig(dict(self._by_id()), framework)

    def for_modules(self, module_ids: Collection[str]) -> MultiAgentRLModuleSpec:
        """This spec for exactly these modules: a single spec is taken for each of them.

        Raises:
            ConfigError: `module_ids` is no collection of ids, or `module_specs` names others.
        """
        ids = check_module_ids(module_ids, where="module_ids")
        if isinstance(self.module_specs, SingleAgentRLModuleSpec):
            return replace(self, module_specs=dict.fromkeys(ids, self.module_specs))
        specs = self._by_id()
        faults = [f"no spec for {one!r}{nearest(one, specs)}" for one in ids if one not in specs]
        faults += [f"a spec for {one!r}, which is not there" for one in specs if one not in ids]
        if faults:
            raise ConfigError(
                f"MultiAgentRLModuleSpec.module_specs must name the modules {', '.join(ids) or '(none)'}, but has "
                f"{'; '.join(faults)}. Pass a spec for each of them, or a single one for all."
            )
        return replace(self, module_specs={module_id: specs[module_id] for module_id in ids})

    def add_modules(self, module_specs: SpecsById, *, overwrite: bool = True) -> MultiAgentRLModuleSpec:
        """This spec with more modules; without `overwrite` specs that are here already are updated instead.

        Raises:
            ConfigError: `module_specs` is no dict of specs by id, or a single spec for all ids is here.
        """
        more = check_specs(module_specs, where="add_modules(module_specs)")
        return replace(self, module_specs=merge_specs(self._by_id(), more, overwrite=overwrite))

    def update(self, other: MultiAgentRLModuleSpec, *, overwrite: bool = False) -> MultiAgentRLModuleSpec:
        """This spec with what `other` says beyond the defaults; a single spec for all ids updates every one.

        Args:
            other: what comes in.
            overwrite: whether a module's spec that comes in replaces the one that is here, instead of updating it.

        Raises:
            ConfigError: `other` is no MultiAgentRLModuleSpec.
        """
        if not isinstance(other, MultiAgentRLModuleSpec):
            raise ConfigError(
                f"A MultiAgentRLModuleSpec can only be updated by another one, got {other!r}. Specs of modules come in "
                "with add_modules(), or as MultiAgentRLModuleSpec(module_specs=...)."
            )
        given: dict[str, Any] = {
            "marl_module_class": None if other.marl_module_class is MultiAgentRLModule else other.marl_module_class,
            "load_state_path": other.load_state_path,
            "modules_to_load": other.modules_to_load,
        }
        return replace(
            self,
            module_specs=merge_specs(self.module_specs, other.module_specs, overwrite=overwrite),
            **{name: value for name, value in given.items() if value is not None},
        )

    @classmethod
    def from_module(cls, module: MultiAgentRLModule) -> MultiAgentRLModuleSpec:
        """The spec that builds a container like this one, with fresh weights.

        Raises:
            ConfigError: the module is no container.
        """
        if not isinstance(module, MultiAgentRLModule):
            raise ConfigError(
                f"MultiAgentRLModuleSpec.from_module() takes a MultiAgentRLModule, got a {type(module).__name__}. A "
                "single module is described by SingleAgentRLModuleSpec.from_module(), or becomes a container by "
                "as_multi_agent()."
            )
        given = module.config.modules
        # A module that a container's own setup made without a config is described by the container's config alone.
        specs = {
            module_id: replace(given[module_id], load_state_path=None)
            if one.config is None and module_id in given
            else SingleAgentRLModuleSpec.from_module(one)
            for module_id, one in module.items()
        }
        return cls(type(module), specs)

    def to_dict(self) -> dict[str, Any]:
        """The spec as JSON-able data; classes are recorded by name."""
        specs, container, chosen = self.module_specs, self.marl_module_class, self.modules_to_load
        by_id = specs if isinstance(specs, Mapping) else None
        return {
            "marl_module_class": None if container is MultiAgentRLModule else class_name(container),
            "module_specs": None if by_id is None else {key: spec.to_dict() for key, spec in by_id.items()},
            "spec_of_all": specs.to_dict() if isinstance(specs, SingleAgentRLModuleSpec) else None,
            "load_state_path": None if self.load_state_path is None else str(self.load_state_path),
            "modules_to_load": None if chosen is None else sorted(chosen),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MultiAgentRLModuleSpec:
        """Rebuild a spec that `to_dict` wrote; its classes must already be imported.

        Raises:
            CheckpointError: the data are damaged, or a class is not there.
        """
        where = "A MultiAgentRLModuleSpec"
        stored = from_fields(_Stored, data, where=where)
        by_id, single, name = stored.module_specs, stored.spec_of_all, stored.marl_module_class
        if (by_id is None) is (single is None):
            raise CheckpointError(
                f"Expected {where} to have either module_specs or spec_of_all, got both or neither. The file was "
                "damaged or changed: restore it from a copy."
            )
        read = SingleAgentRLModuleSpec.from_dict
        specs: Any = None if single is None else read(single, where=f"{where}.spec_of_all")
        if by_id is not None:
            specs = {key: read(spec, where=f"{where}.module_specs.{key}") for key, spec in by_id.items()}
        try:
            return cls(
                MultiAgentRLModule if name is None else find_class(name, argument="marl_module_class"),
                specs,
                load_state_path=stored.load_state_path,
                modules_to_load=stored.modules_to_load,
            )
        except ConfigError as error:
            raise CheckpointError(f"{where} cannot be rebuilt: {error} Restore the file from a copy.") from error

    def _by_id(self) -> SpecsById:
        if isinstance(self.module_specs, Mapping):
            return self.module_specs
        raise ConfigError(
            "MultiAgentRLModuleSpec.module_specs is one spec for all ids, but no ids are known here. Call "
            "for_modules(ids) first, pass a dict by module id, or pass the spec to an algorithm, which knows them."
        )


@dataclass(frozen=True)
class _Stored:
    """The fields that `to_dict` writes."""

    marl_module_class: str | None
    module_specs: Mapping[str, Any] | None
    spec_of_all: Mapping[str, Any] | None
    load_state_path: str | None
    modules_to_load: list[str] | None
