"""The graph encoder in torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from graph_catalog.config import GraphEncoderConfig
from rlmodule_core import Columns, build_network


class GraphEncoder(nn.Module):
    """Each round, a node hears the mean of its neighbours; Gilmer et al. 2017, https://arxiv.org/abs/1704.01212."""

    def __init__(self, config: GraphEncoderConfig) -> None:
        super().__init__()
        self.embed = nn.Linear(config.features, config.width)
        self.rounds = nn.ModuleList(nn.Linear(2 * config.width, config.width) for _ in range(config.rounds))

    def forward(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        nodes, edges = batch[Columns.OBS]["nodes"], batch[Columns.OBS]["edges"].float()
        weights = edges / edges.sum(-1, keepdim=True).clamp(min=1.0)
        hidden = torch.relu(self.embed(nodes))
        for layer in self.rounds:
            heard = weights @ hidden
            hidden = torch.relu(layer(torch.cat([hidden, heard], dim=-1)))
        return {Columns.ENCODER_OUT: hidden.mean(-2)}


@build_network.register
def _(config: GraphEncoderConfig, framework: str) -> GraphEncoder:
    config.require_framework(framework, "torch")
    return GraphEncoder(config)
