from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
from torch import nn

from rlmodule_core import (
    ActorCriticEncoderConfig,
    Categorical,
    DiagGaussian,
    FreeLogStdMLPHeadConfig,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModulePlans,
    RLModuleConfig,
    distribution_for,
)
from rlmodule_core.testing import BackendSuite, DistributionSuite, ModelSuite, ModuleSuite
from rlmodule_torch import TorchActorCriticRLModule, TorchRLModule


class TestTorchBackend(BackendSuite):
    backend_name = "torch"


class TestTorchModels(ModelSuite):
    backend_name = "torch"


class TestTorchDistributions(DistributionSuite):
    backend_name = "torch"


class TestTorchModule(ModuleSuite):
    def make_module(self) -> TorchActorCriticRLModule:
        base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,), hidden_layer_activation="tanh")
        encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=True).plan()
        heads = (MLPHeadConfig(input_dims=(8,), hidden_layer_dims=(), output_layer_dim=d).plan() for d in (3, 1))
        plans = ModulePlans(encoder, *heads, *([Categorical(3)] * 3))
        return TorchActorCriticRLModule(RLModuleConfig(self.observation_space, self.action_space, {}, plans=plans))


class TestGaussianTorchModule(ModuleSuite):
    action_space = gym.spaces.Box(-2.0, 6.0, (2,))

    def make_module(self) -> TorchActorCriticRLModule:
        base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,), hidden_layer_use_layernorm=True)
        encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=False).plan()
        pi = FreeLogStdMLPHeadConfig(input_dims=(8,), hidden_layer_dims=(6,), output_layer_dim=4).plan()
        vf = MLPHeadConfig(input_dims=(8,), hidden_layer_dims=(), output_layer_dim=1).plan()
        plans = ModulePlans(encoder, pi, vf, *([DiagGaussian(2)] * 3))
        return TorchActorCriticRLModule(RLModuleConfig(self.observation_space, self.action_space, {}, plans=plans))


class TestTorchModuleOfNestedActions(ModuleSuite):
    action_space = gym.spaces.Dict(
        {
            "aim": gym.spaces.Box(-2.0, 6.0, (2, 1)),
            "go": gym.spaces.Tuple((gym.spaces.MultiDiscrete([2, 3], start=[0, -1]), gym.spaces.MultiBinary((1, 2)))),
        }
    )

    def make_module(self) -> TorchActorCriticRLModule:
        descriptor = distribution_for(self.action_space)
        base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,))
        encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=True).plan()
        widths = descriptor.input_dim, 1
        heads = (
            MLPHeadConfig(input_dims=(8,), hidden_layer_dims=(), output_layer_dim=width).plan() for width in widths
        )
        plans = ModulePlans(encoder, *heads, *([descriptor] * 3))
        return TorchActorCriticRLModule(RLModuleConfig(self.observation_space, self.action_space, {}, plans=plans))


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
    action_space = gym.spaces.Box(-1.0, 1.0, (2,))
