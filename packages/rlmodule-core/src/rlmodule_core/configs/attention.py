"""Encoders that attend to the steps before."""

from __future__ import annotations

from dataclasses import dataclass

from rlmodule_core.configs.memory import MemoryEncoderConfig
from rlmodule_core.plans import Chain, Dense, GatedAttention, Recurrent
from rlmodule_core.plans.sizes import require_positive


@dataclass(frozen=True, kw_only=True)
class AttentionEncoderConfig(MemoryEncoderConfig):
    """A gated transformer (GTrXL) with a bounded memory.

    Parisotto et al. 2019, https://arxiv.org/abs/1910.06764; see `rlmodule_core.plans.GatedAttention`. Its state is
    `{"memory": [B, num_units, memory, dim], "filled": [B, num_units]}`.

    Attributes:
        dim: the width of the units, and of the output.
        num_units: how many, one behind the other; each looks `memory` steps further back.
        num_heads: of attention in each.
        head_dim: the width of each head.
        memory: how many steps before it a step attends to.
        mlp_dim: the hidden width of the perceptron in each unit.
        gate_bias: how little a fresh unit lets in.
    """

    dim: int = 64
    num_units: int = 1
    num_heads: int = 1
    head_dim: int = 32
    memory: int = 50
    mlp_dim: int = 32
    gate_bias: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, dim=self.dim, num_units=self.num_units)

    def plan(self) -> Recurrent:
        unit = GatedAttention(self.dim, self.num_heads, self.head_dim, self.memory, self.mlp_dim, self.gate_bias)
        return Recurrent(
            self.tokenizer(),
            (unit,) * self.num_units,
            entry=Chain((Dense(self.token_width(), self.dim, gain=1.0),)),
            prev_actions=self.prev_actions,
            prev_rewards=self.prev_rewards,
        )
