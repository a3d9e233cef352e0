"""Encoders that remember, for golden checkpoints, and what their modules are given beside observations."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlmodule_core import PreviousInputs, RLModule
from rlmodule_core.plans import (
    GRU,
    LSTM,
    Activation,
    ActorCritic,
    Chain,
    Dense,
    Encoder,
    GatedAttention,
    LayerNorm,
    Recurrent,
)
from rlmodule_core.spaces import named_leaves


def encoders_with_memory() -> dict[str, ActorCritic]:
    """Encoders of three numbers by the name of their module, for one of three actions."""
    tokenizer = Encoder(Chain((Dense(3, 4), Activation("tanh"))))
    layers = LSTM(8, 5, forget_bias=0.5), LSTM(5, 5, gain=0.5, initializer="xavier_uniform")
    lstm = Recurrent(tokenizer, layers, norms=(LayerNorm(5), LayerNorm(5)), prev_actions=3, prev_rewards=True)
    gru, plain = Recurrent(tokenizer, (GRU(4, 5),)), Recurrent(tokenizer, (GRU(4, 5, bias=False),))
    unit = GatedAttention(4, heads=2, head_size=3, window=2, hidden=5, gate_bias=1.0)
    attention = Recurrent(tokenizer, (unit, unit), entry=Chain((Dense(7, 4),)), prev_actions=3)
    return {
        "lstm": ActorCritic(lstm),
        "gru": ActorCritic(None, gru, plain),
        "half": ActorCritic(None, Recurrent(tokenizer, (LSTM(4, 4, bias=False),)), tokenizer),
        "attention": ActorCritic(attention),
    }


def more_columns(module: RLModule, rng: np.random.Generator) -> dict[str, Any]:
    """The state before a sequence of four steps, and what the module is told of the step before each."""
    shapes = {name: (1, *np.shape(leaf)) for name, leaf in named_leaves(module.get_initial_state())}
    state: dict[str, Any] = {}
    for name, shape in shapes.items():
        *parents, leaf = name.split(".")
        # Of the memory of attention, one entry is filled.
        drawn = np.ones(shape) if leaf == "filled" else rng.normal(size=shape).round(3)
        (state.setdefault(parents[0], {}) if parents else state)[leaf] = drawn.astype(np.float32)
    actions = np.array([[0, 1, 3, 2]])
    told = PreviousInputs.of(module, module.input_specs_train())
    return {"state_in": state, **told.columns(actions, rng.normal(size=(1, 4)).round(3), actions == 0)}
