"""Agents with layers of their own, which containers let share an encoder."""

from __future__ import annotations

from functools import cache
from typing import Any

from own_layers import base, built_dense, dense

from rlmodule_core import RLModule
from rlmodule_marl import MultiAgentRLModule


class Agent(RLModule):
    """Logits from an encoder that a container may put another agent's in place of."""

    def setup(self) -> None:
        here: Any = self.framework
        # With its weights, because agents without a config may be given it before anybody has asked for them.
        self.encoder: Any = built_dense(here, 4, 8)
        self.head: Any = dense(here, 8, self.config.action_space.n)  # type: ignore[union-attr]

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.head(self.encoder(batch["obs"]))}

    _forward_exploration = _forward_inference = _forward_train


@cache
def bare(framework: str) -> Any:
    """The class of agents that are given their encoder, and no config."""

    class Bare(base(framework)):  # type: ignore[misc]
        def __init__(self, encoder: Any, actions: int) -> None:
            super().__init__(None)
            self.encoder, self.head = encoder, built_dense(framework, 8, actions)

        _forward_train = _forward_exploration = _forward_inference = Agent._forward_train

    return Bare


class OneEncoder(MultiAgentRLModule):
    """One encoder for all agents: that of the first."""

    def setup(self) -> None:
        super().setup()
        first, *others = self._rl_modules.values()
        for agent in others:
            agent.encoder = first.encoder  # type: ignore[attr-defined]
