"""The families of modules that every framework must run, small, each with the same random weights everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import ActorCriticRLModule, RLModule, SingleAgentRLModuleSpec
from rlmodule_core.testing.backend_exam import installed_backends
from rlmodule_core.testing.random_weights import random_like

S = gym.spaces

FRAMEWORKS = installed_backends(ActorCriticRLModule.architecture)
TRAINING = [name for name in ("torch", "tf2") if name in FRAMEWORKS]
"""Those that train, torch first: it has been compared with central differences and with other libraries for longest."""

OTHERS = [name for name in FRAMEWORKS if name != "numpy"]
EACH_FRAMEWORK = pytest.mark.parametrize("framework", FRAMEWORKS)
EACH_OTHER = pytest.mark.parametrize("framework", OTHERS)
EACH_TRAINING = pytest.mark.parametrize("framework", TRAINING)
BOTH = pytest.mark.skipif(len(TRAINING) < 2, reason="compares torch with tf2, one of which is not installed")


@dataclass(frozen=True)
class Family:
    """A pair of spaces and the settings of the catalog for them."""

    observations: gym.Space[Any]
    actions: gym.Space[Any]
    model: Mapping[str, Any] = field(default_factory=dict)

    def fresh_module(self, framework: str) -> RLModule:
        """The module as the catalog builds it natively in the framework."""
        # A square layer, because a transposed kernel fits it; of tanh, because a relu may be dead by chance.
        settings = {"fcnet_hiddens": [8, 8], "conv_activation": "tanh", **self.model}
        spec = SingleAgentRLModuleSpec(ActorCriticRLModule, self.observations, self.actions, settings, "ppo")
        return spec.build(framework=framework)

    def module(self, framework: str) -> RLModule:
        """The same with random weights, which are those of the family in every framework."""
        module = self.fresh_module(framework)
        # Half as large as normal ones, so that hardly anything saturates.
        module.set_state({name: array / 2 for name, array in random_like(module.get_state(), 1).items()})
        return module


VECTOR = S.Box(-np.inf, np.inf, (4,))
CHOICE = S.Discrete(3, start=1)
TARGET = S.Box(-2.0, 6.0, (2,))
# Sides that an even stride pads unevenly, and kernels that are not square.
IMAGE = S.Box(0, 255, (8, 9, 2), np.uint8)
CONVOLUTIONS = {"conv_filters": [[3, [3, 2], 2], [4, [2, 3], [1, 2]]]}
MASKED = S.Dict({"action_mask": S.MultiBinary(3), "x": VECTOR})
PARTS = S.Dict({"go": S.Tuple([S.Discrete(3), S.MultiBinary(2)]), "aim": S.Box(-1.0, 1.0, (2,))})
NESTED = S.Dict(
    {
        "action_mask": S.Dict({"go": S.Tuple([S.MultiBinary(3), S.MultiBinary((2, 2))])}),
        "frame.1": IMAGE,
        "pair": S.Tuple([S.MultiDiscrete([2, 3]), S.Box(-1.0, 1.0, ())]),
    }
)
LSTM = {"use_lstm": True, "lstm_cell_size": 8, "lstm_use_prev_action": True, "lstm_use_prev_reward": True}
GRU = {"use_gru": True, "lstm_cell_size": 8, "lstm_use_layernorm": True}
ATTENTION = {
    "use_attention": True,
    "attention_dim": 8,
    "attention_num_heads": 2,
    "attention_head_dim": 4,
    "attention_memory_inference": 2,
    "attention_position_wise_mlp_dim": 8,
    "attention_use_n_prev_actions": 1,
}

FAMILIES = {
    "one encoder": Family(VECTOR, CHOICE, {"vf_share_layers": True, "fcnet_use_layernorm": True}),
    "two encoders": Family(VECTOR, CHOICE, {"vf_share_layers": False, "post_fcnet_hiddens": [8]}),
    "image": Family(IMAGE, CHOICE, {**CONVOLUTIONS, "conv_use_layernorm": True}),
    "image beside a vector": Family(S.Dict({"eye": IMAGE, "body": VECTOR}), CHOICE, CONVOLUTIONS),
    "masked": Family(MASKED, S.Discrete(3)),
    "lstm": Family(VECTOR, CHOICE, {**LSTM, "lstm_num_layers": 2}),
    "lstm of two encoders": Family(VECTOR, TARGET, {"use_lstm": True, "lstm_cell_size": 8, "vf_share_layers": False}),
    "gru": Family(VECTOR, CHOICE, GRU),
    "attention": Family(VECTOR, CHOICE, ATTENTION),
    "normalised": Family(VECTOR, CHOICE, {"normalize_observations": True}),
    "gaussian": Family(VECTOR, TARGET),
    "free log std": Family(VECTOR, TARGET, {"free_log_std": True}),
    "squashed": Family(VECTOR, TARGET, {"squash_actions": True}),
    "multi-discrete": Family(S.Discrete(5, start=2), S.MultiDiscrete([2, 3], start=[0, -1])),
    "multi-binary": Family(S.MultiBinary(3), S.MultiBinary((2, 2))),
    "nested": Family(NESTED, PARTS, CONVOLUTIONS),
    "nested with memory": Family(NESTED, PARTS, {**CONVOLUTIONS, **LSTM}),
}
EACH_FAMILY = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
