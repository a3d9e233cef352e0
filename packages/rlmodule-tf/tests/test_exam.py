from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from gymnasium.spaces import Box, Dict, MultiBinary, MultiDiscrete, Tuple

from rlmodule_core.testing import (
    ActorCriticSuite,
    BackendSuite,
    DistributionSuite,
    MemorySuite,
    ModelSuite,
    ModuleSuite,
)
from rlmodule_tf import TfRLModule


class TestTfBackend(BackendSuite):
    backend_name = "tf2"


class TestTfModels(ModelSuite):
    backend_name = "tf2"


class TestTfDistributions(DistributionSuite):
    backend_name = "tf2"


class TestTfModule(ActorCriticSuite):
    backend_name = "tf2"


class TestGaussianTfModule(ActorCriticSuite):
    backend_name = "tf2"
    action_space = Box(-2.0, 6.0, (2,))


class TestTfModuleOfNestedActions(ActorCriticSuite):
    backend_name = "tf2"
    action_space = Dict(
        {
            "aim": Box(-2.0, 6.0, (2, 1)),
            "go": Tuple((MultiDiscrete([2, 3], start=[0, -1]), MultiBinary((1, 2)))),
        }
    )


class TestTfModuleWithLSTM(MemorySuite):
    backend_name = "tf2"
    cell = "lstm"


class TestTfModuleWithGRU(MemorySuite):
    backend_name = "tf2"
    cell = "gru"


class TestTfModuleWithAttention(MemorySuite):
    backend_name = "tf2"
    cell = "attention"


class OwnLayers(TfRLModule):
    """As the guide's users write modules: layers of their own, one of them different in each phase."""

    def setup(self) -> None:
        layers = keras.layers
        self.body = keras.Sequential([layers.Dense(8), layers.BatchNormalization(), layers.Activation("tanh")])
        self.head = layers.Dense(4)
        self.value = keras.Sequential([layers.Dense(8), layers.Dropout(0.5), layers.Dense(1)])

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        latents = self.body(batch["obs"])
        return {"vf_preds": self.value(latents)[..., 0]}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.head(self.body(batch["obs"]))}

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._forward_exploration(batch)


class TestOwnLayers(ModuleSuite):
    module_class = OwnLayers
    action_space = Box(-1.0, 1.0, (2,))
