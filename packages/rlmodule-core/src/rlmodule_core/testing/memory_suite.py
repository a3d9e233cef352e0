"""The exam of a backend's standard actor-critic module that remembers."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from gymnasium.spaces import Box, Dict, Discrete

from rlmodule_core.configs import (
    ActorCriticEncoderConfig,
    AttentionEncoderConfig,
    MLPEncoderConfig,
    MultiStreamEncoderConfig,
    RecurrentEncoderConfig,
)
from rlmodule_core.module.previous_inputs import encoded_width
from rlmodule_core.testing.actor_critic_suite import ActorCriticSuite


class MemorySuite(ActorCriticSuite):
    """A backend's standard module keeps the contract when it remembers, with nested observations and actions.

    Each cell has what the others have not: two layers and one encoder for both, layer normalisation, two units with a
    memory shorter than the sequences.

    Attributes:
        cell: "lstm", "gru" or "attention".
    """

    cell: ClassVar[str]
    observation_space = Dict(position=Box(-1.0, 1.0, (4,)))
    action_space = Dict(aim=Box(-2.0, 6.0, (2,)), go=Discrete(3, start=1))

    def encoder_config(self) -> ActorCriticEncoderConfig:
        base = _MEMORIES[self.given("cell")](
            tokenizer_config=MultiStreamEncoderConfig(
                base_encoder_configs={"position": MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(5,))},
                hidden_layer_dims=(5,),
            ),
            prev_actions=0 if self.cell == "gru" else encoded_width(self.action_space),
            prev_rewards=self.cell == "lstm",
        )
        return ActorCriticEncoderConfig(base_encoder_config=base, shared=self.cell == "lstm")


_MEMORIES: dict[str, Any] = {
    "lstm": partial(RecurrentEncoderConfig, hidden_dim=6, num_layers=2),
    "gru": partial(RecurrentEncoderConfig, recurrent_layer_type="gru", hidden_dim=6, use_layernorm=True),
    "attention": partial(AttentionEncoderConfig, dim=6, num_units=2, num_heads=2, head_dim=3, memory=2, mlp_dim=5),
}
