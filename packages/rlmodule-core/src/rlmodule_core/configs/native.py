"""Configs of networks that no plan describes."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from rlmodule_core.configs.base import ModelConfig, build_network
from rlmodule_core.errors import ConfigError
from rlmodule_core.plans import Dims, Native


@dataclass(frozen=True, kw_only=True)
class NativeModelConfig(ModelConfig):
    """Describes an encoder that only a class of its author's own can compute, such as one of graphs.

    A subclass says `output_dims`, and a function registered with `build_network` builds the network for the frameworks
    that have one: from `{"obs": ...}`, nested as the observations are, to `{"encoder_out": [B, *output_dims]}`. It may
    then stand wherever an encoder's config may, as in ActorCriticEncoderConfig. A module with such a part is tied to
    its framework, and its checkpoints load where its catalog is installed.

    `input_dims` is () unless one array alone is encoded.
    """

    input_dims: Dims = ()

    @property
    @abstractmethod
    def output_dims(self) -> Dims:
        """The shape of one output row."""

    def plan(self) -> Native:
        return Native(self)

    def require_framework(self, framework: str, supported: str, *others: str) -> None:
        """Refuse a framework that no network is written for.

        Raises:
            ConfigError: `framework` is neither `supported` nor one of `others`.
        """
        if framework not in (supported, *others):
            raise ConfigError(
                f"{type(self).__name__} builds a network of its own, which exists for "
                f"{' and '.join((supported, *others))} only, "
                f"not for {framework!r}. Use framework={supported!r}, or have build_network's registered function "
                f"build one for {framework!r} too."
            )


@build_network.register
def _(config: NativeModelConfig, framework: str) -> Any:
    name = type(config).__name__
    raise ConfigError(
        f"No network is registered for {name} (asked for framework {framework!r}). Register a function "
        f"(config: {name}, framework: str) with @build_network.register, in a module that the one of {name} imports."
    )
