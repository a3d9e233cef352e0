"""A recipe for a multi-agent container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rlmodule_core import ConfigError, RLModule, SingleAgentRLModuleSpec
from rlmodule_marl.config import MultiAgentRLModuleConfig
from rlmodule_marl.container import MultiAgentRLModule


@dataclass(frozen=True)
class MultiAgentRLModuleSpec:
    """What a container is built from.

    Attributes:
        module_specs: the spec of each module by id; a single spec stands for all ids, which an algorithm fills in.
        marl_module_class: the container's class.
    """

    module_specs: Mapping[str, SingleAgentRLModuleSpec] | SingleAgentRLModuleSpec | None = None
    marl_module_class: type[MultiAgentRLModule] = MultiAgentRLModule

    def __post_init__(self) -> None:
        if not isinstance(self.module_specs, Mapping | SingleAgentRLModuleSpec):
            raise ConfigError(
                "MultiAgentRLModuleSpec.module_specs must be a dict of SingleAgentRLModuleSpecs by module id, or one "
                f"spec for all ids, got {self.module_specs!r}."
            )

    def build(self, module_id: str | None = None, *, framework: str | None = None) -> MultiAgentRLModule | RLModule:
        """Build the container, or only the module `module_id`.

        Raises:
            ConfigError: `module_specs` names no ids, not this one, or a spec lacks a field.
        """
        specs = self._by_id()
        if module_id is None:
            return self.marl_module_class(self.get_marl_config(framework=framework))
        if module_id not in specs:
            raise ConfigError(f"There is no spec for module {module_id!r} (there are: {', '.join(specs)}).")
        return specs[module_id].build(framework=framework)

    def get_marl_config(self, *, framework: str | None = None) -> MultiAgentRLModuleConfig:
        """The constructor argument of the container."""
        return MultiAgentRLModuleConfig(dict(self._by_id()), framework)

    def add_modules(
        self, module_specs: Mapping[str, SingleAgentRLModuleSpec], *, overwrite: bool = True
    ) -> MultiAgentRLModuleSpec:
        """This spec with more modules; without `overwrite` specs that are here already are updated instead."""
        own = dict(self._by_id())
        for module_id, spec in module_specs.items():
            own[module_id] = spec if overwrite or module_id not in own else own[module_id].update(spec)
        return replace(self, module_specs=own)

    @classmethod
    def from_module(cls, module: MultiAgentRLModule) -> MultiAgentRLModuleSpec:
        """The spec that builds a container like this one, with fresh weights."""
        given = module.config.modules
        # A module that a container's own setup made without a config is described by the container's config alone.
        specs = {
            module_id: given[module_id]
            if one.config is None and module_id in given
            else SingleAgentRLModuleSpec.from_module(one)
            for module_id, one in module.items()
        }
        return cls(specs, type(module))

    def _by_id(self) -> Mapping[str, SingleAgentRLModuleSpec]:
        if isinstance(self.module_specs, Mapping):
            return self.module_specs
        raise ConfigError(
            "MultiAgentRLModuleSpec.module_specs is one spec for all ids, but no ids are known here. Pass a dict by "
            "module id, or pass the spec to an algorithm, which knows them."
        )
