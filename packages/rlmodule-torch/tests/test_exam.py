from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gymnasium.spaces import Box, Dict, MultiBinary, MultiDiscrete, Tuple
from torch import nn

from rlmodule_core.testing import (
    ActorCriticSuite,
    BackendSuite,
    DistributionSuite,
    MemorySuite,
    ModelSuite,
    ModuleSuite,
)
from rlmodule_torch import TorchRLModule


class TestTorchBackend(BackendSuite):
    backend_name = "torch"


class TestTorchModels(ModelSuite):
    backend_name = "torch"


class TestTorchDistributions(DistributionSuite):
    backend_name = "torch"


class TestTorchModule(ActorCriticSuite):
    backend_name = "torch"


class TestGaussianTorchModule(ActorCriticSuite):
    backend_name = "torch"
    action_space = Box(-2.0, 6.0, (2,))


class TestTorchModuleOfNestedActions(ActorCriticSuite):
    backend_name = "torch"
    action_space = Dict(
        {
            "aim": Box(-2.0, 6.0, (2, 1)),
            "go": Tuple((MultiDiscrete([2, 3], start=[0, -1]), MultiBinary((1, 2)))),
        }
    )


class TestTorchModuleWithLSTM(MemorySuite):
    backend_name = "torch"
    cell = "lstm"


class TestTorchModuleWithGRU(MemorySuite):
    backend_name = "torch"
    cell = "gru"


class TestTorchModuleWithAttention(MemorySuite):
    backend_name = "torch"
    cell = "attention"


class OwnLayers(TorchRLModule):
    """As the guide's users write modules: layers of their own, one of them different in each phase."""

    def setup(self) -> None:
        self.body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh())
        self.head = nn.Linear(8, 4)
        self.value = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 1))

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
