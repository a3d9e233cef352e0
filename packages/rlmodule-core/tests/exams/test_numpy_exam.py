from __future__ import annotations

import gymnasium as gym

from rlmodule_core import (
    ActorCriticEncoderConfig,
    DiagGaussian,
    FreeLogStdMLPHeadConfig,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModulePlans,
    RLModuleConfig,
    distribution_for,
)
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule
from rlmodule_core.testing import BackendSuite, DistributionSuite, ModelSuite, ModuleSuite


class TestNumpyBackend(BackendSuite):
    backend_name = "numpy"


class TestNumpyModels(ModelSuite):
    backend_name = "numpy"


class TestNumpyDistributions(DistributionSuite):
    backend_name = "numpy"


class TestNumpyModule(ModuleSuite):
    def make_module(self) -> NumpyActorCriticRLModule:
        base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,), hidden_layer_use_layernorm=True)
        encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=False).plan()
        pi = FreeLogStdMLPHeadConfig(input_dims=(8,), hidden_layer_dims=(6,), output_layer_dim=4).plan()
        vf = MLPHeadConfig(input_dims=(8,), hidden_layer_dims=(), output_layer_dim=1).plan()
        plans = ModulePlans(encoder, pi, vf, *([DiagGaussian(2)] * 3))
        spaces = self.observation_space, gym.spaces.Box(-2.0, 6.0, (2,))
        return NumpyActorCriticRLModule(RLModuleConfig(*spaces, {}, plans=plans))


class TestNumpyModuleOfNestedActions(ModuleSuite):
    action_space = gym.spaces.Dict(
        {
            "aim": gym.spaces.Box(-2.0, 6.0, (2, 1)),
            "go": gym.spaces.Tuple((gym.spaces.MultiDiscrete([2, 3], start=[0, -1]), gym.spaces.MultiBinary((1, 2)))),
        }
    )

    def make_module(self) -> NumpyActorCriticRLModule:
        descriptor = distribution_for(self.action_space)
        base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,))
        encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=True).plan()
        widths = descriptor.input_dim, 1
        heads = (
            MLPHeadConfig(input_dims=(8,), hidden_layer_dims=(), output_layer_dim=width).plan() for width in widths
        )
        plans = ModulePlans(encoder, *heads, *([descriptor] * 3))
        return NumpyActorCriticRLModule(RLModuleConfig(self.observation_space, self.action_space, {}, plans=plans))
