"""What a single module and a container of modules have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class ModuleLike(Protocol):
    """An RLModule or a multi-agent container: anything with the three forwards."""

    def forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Compute what the loss needs, with gradients."""

    def forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Act to collect data, without gradients."""

    def forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Act as well as possible, without gradients."""

    def is_stateful(self) -> bool:
        """Whether a recurrent state is carried from step to step."""

    def as_multi_agent(self) -> Any:
        """The container: of this module alone, or itself."""
