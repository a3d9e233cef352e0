from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import (
    ActorCriticEncoderConfig,
    Categorical,
    GradientClip,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModulePlans,
    OptimizerSettings,
    RLModuleConfig,
    get_training_backend,
)
from rlmodule_tf import TfActorCriticRLModule, TfBackend


@pytest.fixture(scope="session")
def backend() -> TfBackend:
    found = get_training_backend("tf2")
    assert isinstance(found, TfBackend)
    return found


@pytest.fixture
def module(backend: TfBackend) -> TfActorCriticRLModule:
    """Four numbers to one of three actions; the same first weights every time."""
    base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,), hidden_layer_activation="tanh")

    def head(width: int) -> Any:
        return MLPHeadConfig(input_dims=(8,), hidden_layer_dims=(), output_layer_dim=width).plan()

    encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=False).plan()
    plans = ModulePlans(encoder, head(3), head(1), *([Categorical(3)] * 3))
    config = RLModuleConfig(gym.spaces.Box(-np.inf, np.inf, (4,)), gym.spaces.Discrete(3), {}, plans=plans)
    with backend.initialising(0):
        return TfActorCriticRLModule(config)


@pytest.fixture(scope="session")
def config() -> RLModuleConfig:
    """What modules with layers of their own are made from: four numbers in, two out."""
    return RLModuleConfig(gym.spaces.Box(-1.0, 1.0, (4,)), gym.spaces.Box(-1.0, 1.0, (2,)))


@pytest.fixture
def batch() -> dict[str, Any]:
    return {"obs": tf.constant(np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32))}


@pytest.fixture(scope="session")
def columns() -> dict[str, Any]:
    """Ten rows to learn from."""
    return {"obs": np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)}


@pytest.fixture
def update(backend: TfBackend, columns: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """One epoch over the columns, of four rows a minibatch; keyword arguments replace those of `update_epoch`."""

    def run(module: Any, **changes: Any) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "loss": squares,
            "columns": columns,
            "permutation": np.arange(10),
            "minibatch_size": 4,
            "coeffs": {},
            "clip": GradientClip(),
            **changes,
        }
        if "optimizer" not in arguments:
            arguments["optimizer"] = backend.make_optimizer(module, OptimizerSettings(lr=0.01))
        return backend.update_epoch(module, **arguments)

    return run


def squares(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
    """A loss that depends on every output."""
    return sum(ops.mean(ops.square(ops.cast(output, "float32"))) for output in outputs.values()), {}
