"""The base of all model configs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from rlmodule_core.backend.discovery import get_backend
from rlmodule_core.errors import ConfigError
from rlmodule_core.plans import Dims, Native, Plan
from rlmodule_core.plans.sizes import sizes_of


@dataclass(frozen=True, kw_only=True)
class ModelConfig(ABC):
    """Describes a network: computes its plan and asks a backend to build it.

    `input_dims` is the shape of one input row, without the batch axis.
    """

    input_dims: Dims

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_dims", sizes_of(self, "input_dims", self.input_dims))

    @abstractmethod
    def plan(self) -> Plan:
        """The plan of the network, with every size resolved.

        Raises:
            ConfigError: a field has an illegal value.
        """

    @property
    def output_dims(self) -> Dims:
        """The shape of one output row, folded from the plan."""
        return self.plan().output_dims(self.input_dims)

    def build(self, framework: str) -> Any:
        """A native network of `framework` ("torch", "tf2" or "numpy") with fresh weights.

        Raises:
            BackendNotFoundError: the backend is not installed.
            ConfigError: a field has an illegal value.
        """
        return build_network(self, framework)


@singledispatch
def build_network(config: ModelConfig, framework: str) -> Any:
    """Build the network of a config. The default lowers its plan.

    Register your config type here to build a native network of your own instead; see NativeModelConfig.
    """
    if not isinstance(config, ModelConfig):
        raise ConfigError(f"Expected a ModelConfig such as MLPEncoderConfig(input_dims=(4,)), got {config!r}.")
    return get_backend(framework).lower(config.plan())


_LOWERED = build_network.dispatch(ModelConfig)


def plan_of_encoder(config: ModelConfig) -> Plan:
    """The plan of an encoder's config inside another's; `Native` where a network is registered for its type."""
    return config.plan() if build_network.dispatch(type(config)) is _LOWERED else Native(config)
