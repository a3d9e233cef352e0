"""What a multi-agent container is constructed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rlmodule_core import CheckpointError, ConfigError, SingleAgentRLModuleSpec
from rlmodule_core.checkpoint import from_fields
from rlmodule_marl.module_specs import check_specs


@dataclass(frozen=True)
class MultiAgentRLModuleConfig:
    """The constructor argument of MultiAgentRLModule.

    Attributes:
        modules: the spec of each module by id.
        framework: the framework of neutral module classes.
    """

    modules: Mapping[str, SingleAgentRLModuleSpec] = field(default_factory=dict)
    framework: str | None = None

    def __post_init__(self) -> None:
        check_specs(self.modules, where="MultiAgentRLModuleConfig.modules")
        if self.framework is not None and not isinstance(self.framework, str):
            raise ConfigError(f"framework must be a name such as 'torch', got {self.framework!r}.")

    def to_dict(self) -> dict[str, Any]:
        """The config as JSON-able data; where first weights came from is no part of it."""
        specs = {module_id: replace(spec, load_state_path=None) for module_id, spec in self.modules.items()}
        return {
            "modules": {module_id: spec.to_dict() for module_id, spec in specs.items()},
            "framework": self.framework,
        }

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any], *, where: str = "A MultiAgentRLModuleConfig"
    ) -> MultiAgentRLModuleConfig:
        """Rebuild a config that `to_dict` wrote; its classes must already be imported.

        Args:
            data: the stored config.
            where: the place of the data in the document, for error texts.

        Raises:
            CheckpointError: the data are damaged, or a class is not there.
        """
        stored = from_fields(_Stored, data, where=where)
        specs = {
            module_id: SingleAgentRLModuleSpec.from_dict(spec, where=f"{where}.modules.{module_id}")
            for module_id, spec in stored.modules.items()
        }
        try:
            return cls(specs, stored.framework)
        except ConfigError as error:
            raise CheckpointError(f"{where} cannot be used: {error} Restore the checkpoint from a copy.") from error


@dataclass(frozen=True)
class _Stored:
    """The fields that `to_dict` writes."""

    modules: Mapping[str, Any]
    framework: str | None
