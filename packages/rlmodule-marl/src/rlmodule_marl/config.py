"""What a multi-agent container is constructed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rlmodule_core import SingleAgentRLModuleSpec


@dataclass(frozen=True)
class MultiAgentRLModuleConfig:
    """The constructor argument of MultiAgentRLModule.

    Attributes:
        modules: the spec of each module by id.
        framework: the framework of neutral module classes.
    """

    modules: Mapping[str, SingleAgentRLModuleSpec] = field(default_factory=dict)
    framework: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The config as JSON-able data."""
        return {
            "modules": {module_id: spec.to_dict() for module_id, spec in self.modules.items()},
            "framework": self.framework,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MultiAgentRLModuleConfig:
        """Rebuild a config that `to_dict` wrote; its classes must already be imported."""
        specs = {module_id: SingleAgentRLModuleSpec.from_dict(spec) for module_id, spec in data["modules"].items()}
        return cls(specs, data["framework"])
