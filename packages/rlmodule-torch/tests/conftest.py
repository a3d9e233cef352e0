from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlmodule_core import (
    ActorCriticEncoderConfig,
    Categorical,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModulePlans,
    RLModuleConfig,
    get_training_backend,
)
from rlmodule_torch import TorchActorCriticRLModule, TorchBackend


@pytest.fixture(scope="session")
def backend() -> TorchBackend:
    found = get_training_backend("torch")
    assert isinstance(found, TorchBackend)
    return found


@pytest.fixture
def module(backend: TorchBackend) -> TorchActorCriticRLModule:
    """Four numbers to one of three actions; the same first weights every time."""
    base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,), hidden_layer_activation="tanh")

    def head(width: int) -> Any:
        return MLPHeadConfig(input_dims=(8,), hidden_layer_dims=(), output_layer_dim=width).plan()

    encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=False).plan()
    plans = ModulePlans(encoder, head(3), head(1), *([Categorical(3)] * 3))
    config = RLModuleConfig(gym.spaces.Box(-np.inf, np.inf, (4,)), gym.spaces.Discrete(3), {}, plans=plans)
    with backend.initialising(0):
        return TorchActorCriticRLModule(config)


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    return {"obs": torch.from_numpy(np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32))}


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    """What torch has compiled is kept for the process, and counts against its limits."""
    torch.compiler.reset()
    yield
    torch.compiler.reset()
