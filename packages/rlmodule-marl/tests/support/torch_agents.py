"""Agents with layers of their own, which containers let share an encoder."""

from __future__ import annotations

from typing import Any

import pytest

from rlmodule_marl import MultiAgentRLModule

torch = pytest.importorskip("torch")
rlmodule_torch = pytest.importorskip("rlmodule_torch")


class Agent(rlmodule_torch.TorchRLModule):
    """Logits from an encoder that a container may put another agent's in place of."""

    def setup(self) -> None:
        self.encoder = torch.nn.Linear(4, 8)
        self.head = torch.nn.Linear(8, int(self.config.action_space.n))

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.head(self.encoder(batch["obs"]))}

    _forward_exploration = _forward_inference = _forward_train


class Bare(rlmodule_torch.TorchRLModule):
    """An agent that is given its encoder, and no config."""

    def __init__(self, encoder: Any, actions: int) -> None:
        super().__init__(None)
        self.encoder, self.head = encoder, torch.nn.Linear(8, actions)

    _forward_train = _forward_exploration = _forward_inference = Agent._forward_train


class OneEncoder(MultiAgentRLModule):
    """One encoder for all agents: that of the first."""

    def setup(self) -> None:
        super().setup()
        first, *others = self._rl_modules.values()
        for agent in others:
            agent.encoder = first.encoder
