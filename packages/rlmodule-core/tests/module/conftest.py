from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import (
    ActorCriticEncoderConfig,
    Categorical,
    Descriptor,
    DiagGaussian,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModulePlans,
    RLModuleConfig,
)
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule, NumpyRLModule
from rlmodule_core.plans import initialising


def _plans(descriptor: Descriptor, shared: bool) -> ModulePlans:
    base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,), hidden_layer_activation="tanh")

    def head(width: int) -> Any:
        return MLPHeadConfig(input_dims=(8,), hidden_layer_dims=(), output_layer_dim=width).plan()

    encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=shared).plan()
    return ModulePlans(encoder, head(descriptor.input_dim), head(1), descriptor, descriptor, descriptor)


@pytest.fixture
def discrete_config() -> RLModuleConfig:
    """Four numbers to one of three actions, counted from 2."""
    spaces = gym.spaces.Box(-np.inf, np.inf, (4,)), gym.spaces.Discrete(3, start=2)
    return RLModuleConfig(*spaces, {}, plans=_plans(Categorical(3, 2), shared=True))


@pytest.fixture
def gaussian_config() -> RLModuleConfig:
    """Four numbers to two numbers in [-2, 6], with separate encoders."""
    spaces = gym.spaces.Box(-np.inf, np.inf, (4,)), gym.spaces.Box(-2.0, 6.0, (2,))
    return RLModuleConfig(*spaces, {}, plans=_plans(DiagGaussian(2), shared=False))


@pytest.fixture
def discrete_module(discrete_config: RLModuleConfig) -> NumpyActorCriticRLModule:
    with initialising(0):
        return NumpyActorCriticRLModule(discrete_config)


@pytest.fixture
def gaussian_module(gaussian_config: RLModuleConfig) -> NumpyActorCriticRLModule:
    with initialising(0):
        return NumpyActorCriticRLModule(gaussian_config)


@pytest.fixture
def obs() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(16, 4)).astype(np.float32)


@pytest.fixture
def returning() -> Callable[..., NumpyRLModule]:
    """Makes modules whose forwards all return the given columns."""

    def make(config: RLModuleConfig | None = None, **columns: Any) -> NumpyRLModule:
        class Returning(NumpyRLModule):
            def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
                return columns

            _forward_exploration = _forward_inference = _forward_train

        return Returning(config)

    return make
