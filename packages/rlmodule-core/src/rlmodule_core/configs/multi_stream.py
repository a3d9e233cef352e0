"""Encoders of several observations at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, Union

from rlmodule_core.configs.base import ModelConfig, plan_of_encoder
from rlmodule_core.configs.mlp import MLPConfig
from rlmodule_core.errors import ConfigError
from rlmodule_core.plans import Branches, Chain, Concat, Dims, Encoder, Fusion, Latents, Native, Plan

Streams: TypeAlias = Mapping[str, Union[ModelConfig, "Streams"]]
"""Encoder configs by the key of their observation; a mapping of them where observations are nested."""


@dataclass(frozen=True, kw_only=True)
class MultiStreamEncoderConfig(MLPConfig):
    """An encoder of nested observations: each by an encoder of its own, then dense layers over all of them together.

    Observations are nested mappings `{key: [B, ...]}`, `{"0": ..., "1": ...}` for a Tuple space.

    Attributes:
        base_encoder_configs: an encoder's config for each key, nested as the observations are.
        hidden_layer_dims: sizes of the layers that fuse them.
    """

    input_dims: Dims = ()
    base_encoder_configs: Streams

    def plan(self) -> Plan:
        branches = _branches(self.base_encoder_configs)
        fusion = Chain((Concat(), *self.dense_records(branches.output_dims(()))))
        return Encoder(Fusion(branches, fusion))


def _branches(streams: Streams) -> Branches:
    return Branches.of({key: _branch(key, stream) for key, stream in streams.items()})


def _branch(key: str, stream: ModelConfig | Streams) -> tuple[Plan, Dims]:
    if isinstance(stream, Mapping):
        return _branches(stream), ()
    plan = plan_of_encoder(stream) if isinstance(stream, ModelConfig) else None
    if isinstance(plan, Native):
        return Latents(plan), stream.input_dims
    if not isinstance(plan, Encoder):
        raise ConfigError(
            f"MultiStreamEncoderConfig.base_encoder_configs[{key!r}] must be an encoder's config such as "
            f"MLPEncoderConfig, got {type(stream).__name__}."
        )
    return plan.net, stream.input_dims
