"""What decides a graph encoder."""

from __future__ import annotations

from dataclasses import dataclass

from rlmodule_core import ConfigError, NativeModelConfig


@dataclass(frozen=True, kw_only=True)
class GraphEncoderConfig(NativeModelConfig):
    """An encoder of graphs `{"nodes": [B, N, F], "edges": [B, N, N]}` to the mean of their nodes `[B, width]`."""

    features: int
    width: int = 64
    rounds: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.features, self.width, self.rounds) < 1:
            raise ConfigError(f"Every size of a GraphEncoderConfig must be 1 at least, got {self}.")

    @property
    def output_dims(self) -> tuple[int, ...]:
        return (self.width,)
