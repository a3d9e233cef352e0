"""The exam of a backend's standard actor-critic module."""

from __future__ import annotations

from typing import ClassVar

from rlmodule_core.configs import (
    ActorCriticEncoderConfig,
    FreeLogStdMLPHeadConfig,
    MLPEncoderConfig,
    MLPHeadConfig,
)
from rlmodule_core.distributions import DiagGaussian, distribution_for
from rlmodule_core.module.config import RLModuleConfig
from rlmodule_core.module.plans import ModulePlans
from rlmodule_core.module.resolve import standard_class
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.testing.module_suite import ModuleSuite

_LATENTS = 8


class ActorCriticSuite(ModuleSuite):
    """A backend's standard module keeps the contract, for observations that are vectors.

    Gaussian actions get an encoder for actor and critic each, layer normalisation and free standard deviations, all
    others one shared encoder and plain heads.

    Attributes:
        backend_name: the examinee's backend.
        action_space: any that has a distribution.
    """

    backend_name: ClassVar[str]

    def make_module(self) -> RLModule:
        descriptor, encoder = distribution_for(self.action_space), self.encoder_config()
        gaussian = isinstance(descriptor, DiagGaussian)
        pi_class, pi_layers = (FreeLogStdMLPHeadConfig, (6,)) if gaussian else (MLPHeadConfig, ())
        dims = encoder.output_dims
        pi = pi_class(input_dims=dims, hidden_layer_dims=pi_layers, output_layer_dim=descriptor.input_dim)
        vf = MLPHeadConfig(input_dims=dims, hidden_layer_dims=(), output_layer_dim=1)
        plans = ModulePlans(encoder.plan(), pi.plan(), vf.plan(), *([descriptor] * 3))
        module_class: type[RLModule] = standard_class("actor-critic", self.given("backend_name"))
        return module_class(RLModuleConfig(self.observation_space, self.action_space, {}, plans=plans))

    def encoder_config(self) -> ActorCriticEncoderConfig:
        """The config of the encoder of the modules that are made."""
        gaussian = isinstance(distribution_for(self.action_space), DiagGaussian)
        shape = self.observation_space.shape
        dims = () if shape is None else shape
        base = MLPEncoderConfig(input_dims=dims, hidden_layer_dims=(_LATENTS,), hidden_layer_use_layernorm=gaussian)
        return ActorCriticEncoderConfig(base_encoder_config=base, shared=not gaussian)
