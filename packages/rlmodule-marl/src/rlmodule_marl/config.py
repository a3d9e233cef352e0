"""What a multi-agent container is constructed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rlmodule_core import CheckpointError, SingleAgentRLModuleSpec


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
        """The config as JSON-able data; where first weights came from is no part of it."""
        specs = {module_id: replace(spec, load_state_path=None) for module_id, spec in self.modules.items()}
        return {
            "modules": {module_id: spec.to_dict() for module_id, spec in specs.items()},
            "framework": self.framework,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MultiAgentRLModuleConfig:
        """Rebuild a config that `to_dict` wrote; its classes must already be imported.

        Raises:
            CheckpointError: the data are damaged, or a class is not there.
        """
        try:
            specs = {module_id: SingleAgentRLModuleSpec.from_dict(spec) for module_id, spec in data["modules"].items()}
            framework = data["framework"]
        except (KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"A stored MultiAgentRLModuleConfig is damaged ({type(error).__name__}: {error}). Restore the "
                "checkpoint from a copy, or pass the config as config=."
            ) from error
        return cls(specs, framework)
