"""The catalog: graphs get a graph encoder, all other observations what PPOCatalog gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from graph_catalog.config import GraphEncoderConfig
from rlmodule_catalogs import ModelSettings, PPOCatalog
from rlmodule_core import ModelConfig


@dataclass(frozen=True, kw_only=True)
class GraphSettings(ModelSettings):
    """Adds how often messages pass along the edges."""

    message_rounds: int = 2


class GraphCatalog(PPOCatalog):
    """Encodes observations `Dict(nodes=Box[N, F], edges=Box or MultiBinary[N, N])` as graphs."""

    settings_class = GraphSettings
    settings: GraphSettings

    def get_tokenizer_config(self) -> ModelConfig:
        space = self.observation_space
        if not (isinstance(space, gym.spaces.Dict) and set(space) == {"nodes", "edges"}):
            return super().get_tokenizer_config()
        nodes: Any = space["nodes"]
        width = self.settings.fcnet_hiddens[-1]
        return GraphEncoderConfig(features=nodes.shape[-1], width=width, rounds=self.settings.message_rounds)
