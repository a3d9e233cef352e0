"""Classes as a user writes them, which golden checkpoints name: they keep their names and their layers for good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from rlmodule_marl import MultiAgentRLModule
from rlmodule_torch import TorchRLModule


class OwnNetwork(TorchRLModule):
    """Layers of its own, an unusual dtype and a buffer that is no float."""

    def setup(self) -> None:
        self.encoder = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.GELU())
        self.head = nn.Linear(4, 2, bias=False)
        self.scale = nn.Parameter(torch.ones(1, dtype=torch.bfloat16))

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.scale.float() * self.head(self.encoder(batch["obs"]["position"]))}

    _forward_exploration = _forward_inference = _forward_train


class Agent(TorchRLModule):
    """Logits from an encoder that it may share with others."""

    def setup(self) -> None:
        self.encoder = nn.Linear(4, 3)
        self.head = nn.Linear(3, int(self.config.action_space.n))

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.head(self.encoder(batch["obs"]))}

    _forward_exploration = _forward_inference = _forward_train


class OneEncoder(MultiAgentRLModule):
    """One encoder for all agents."""

    def setup(self) -> None:
        super().setup()
        first, *others = self._rl_modules.values()
        for agent in others:
            agent.encoder = first.encoder
