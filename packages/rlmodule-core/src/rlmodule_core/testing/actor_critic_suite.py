"""The exam of a backend's standard actor-critic module."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym

from rlmodule_core.configs import ActorCriticEncoderConfig, FreeLogStdMLPHeadConfig, MLPEncoderConfig, MLPHeadConfig
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
        spaces = self.observation_space, self.action_space
        module_class: type[RLModule] = standard_class("actor-critic", self.backend_name)
        return module_class(RLModuleConfig(*spaces, {}, plans=_plans(*spaces)))


def _plans(observation_space: gym.Space[Any], action_space: gym.Space[Any]) -> ModulePlans:
    descriptor = distribution_for(action_space)
    gaussian = isinstance(descriptor, DiagGaussian)
    dims = () if observation_space.shape is None else observation_space.shape
    base = MLPEncoderConfig(input_dims=dims, hidden_layer_dims=(_LATENTS,), hidden_layer_use_layernorm=gaussian)
    encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=not gaussian)
    pi_class, pi_layers = (FreeLogStdMLPHeadConfig, (6,)) if gaussian else (MLPHeadConfig, ())
    pi = pi_class(input_dims=(_LATENTS,), hidden_layer_dims=pi_layers, output_layer_dim=descriptor.input_dim)
    vf = MLPHeadConfig(input_dims=(_LATENTS,), hidden_layer_dims=(), output_layer_dim=1)
    return ModulePlans(encoder.plan(), pi.plan(), vf.plan(), *([descriptor] * 3))
