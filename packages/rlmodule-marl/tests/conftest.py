from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from own_layers import TRAINING

from rlmodule_core import RLModuleConfig, SingleAgentRLModuleSpec
from rlmodule_core.numpy_backend import NumpyRLModule
from rlmodule_core.plans import Dense
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleSpec


class Linear(NumpyRLModule):
    """A small real module: one layer from observations to logits, as many as there are actions."""

    def setup(self) -> None:
        assert self.config is not None
        self.net = self.backend.lower(Dense(self.config.observation_space.shape[0], int(self.config.action_space.n)))

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.net(batch["obs"])}

    _forward_exploration = _forward_inference = _forward_train


@pytest.fixture(params=TRAINING)
def framework(request: Any) -> str:
    """Where agents with layers of their own are built."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def linear() -> type[Linear]:
    return Linear


@pytest.fixture
def spec() -> Any:
    """Makes specs of a Linear with so many actions."""

    def make(actions: int = 2, **settings: Any) -> SingleAgentRLModuleSpec:
        return SingleAgentRLModuleSpec(Linear, gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(actions), settings)

    return make


@pytest.fixture
def module() -> Any:
    """Makes a Linear with so many actions."""

    def make(actions: int = 2) -> Linear:
        return Linear(RLModuleConfig(gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(actions), {}))

    return make


@pytest.fixture
def container(spec: Any) -> MultiAgentRLModule:
    """Red chooses between two actions, blue among three."""
    return MultiAgentRLModuleSpec(module_specs={"red": spec(2), "blue": spec(3)}).build()


@pytest.fixture
def obs() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
