from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from own_layers import dense, lstm, run_lstm

from rlmodule_algorithms import PPOConfig
from rlmodule_core import RLModule, RLModuleConfig, SingleAgentRLModuleSpec
from rlmodule_core.numpy_backend import NumpyRLModule

SIZE = 12


class Summing(NumpyRLModule):
    """Values a state at the sum of all that it has seen in the episode, and always takes the same action."""

    def get_initial_state(self) -> Mapping[str, Any]:
        return {"inner": {"sum": np.zeros(1, np.float32)}}

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        sums = batch["state_in"]["inner"]["sum"][:, None] + batch["obs"].cumsum(axis=1)
        zeros = np.zeros(batch["obs"].shape[:2], np.int64)
        return {"vf_preds": sums[..., 0], "actions": zeros, "state_out": {"inner": {"sum": sums[:, -1]}}}

    _forward_exploration = _forward_inference = _forward_train


class Remembering(RLModule):
    """Actor and critic over one LSTM of the framework's own, as its user would write it."""

    def setup(self) -> None:
        config: Any = self.config
        self.lstm = lstm(self.framework, config.observation_space.shape[0], SIZE)
        self.pi, self.vf = (dense(self.framework, SIZE, outputs) for outputs in (config.action_space.n, 1))

    def get_initial_state(self) -> Mapping[str, Any]:
        return {"h": np.zeros(SIZE, np.float32), "c": np.zeros(SIZE, np.float32)}

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        latents, h, c = run_lstm(self.lstm, batch["obs"], **batch["state_in"])
        return {
            "action_dist_inputs": self.pi(latents),
            "vf_preds": self.vf(latents)[..., 0],
            "state_out": {"h": h, "c": c},
        }

    _forward_exploration = _forward_inference = _forward_train


class HiddenVelocities(gym.ObservationWrapper):
    """CartPole of which only the positions are seen."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.observation_space = gym.spaces.Box(-5.0, 5.0, (2,), np.float32)

    def observation(self, observation: Any) -> Any:
        return observation[::2]


def hidden_velocities(env_config: Any = None) -> gym.Env[Any, Any]:
    return HiddenVelocities(gym.make("CartPole-v1"))


@pytest.fixture
def summing() -> Callable[..., Summing]:
    """Makes a Summing for the spaces of a vector environment."""

    def make(env: gym.vector.VectorEnv[Any, Any, Any], max_seq_len: int | None) -> Summing:
        settings = {} if max_seq_len is None else {"max_seq_len": max_seq_len}
        return Summing(RLModuleConfig(env.single_observation_space, env.single_action_space, settings))

    return make


@pytest.fixture
def remembering_ppo(framework: str) -> PPOConfig:
    """PPO on CartPole without velocities, with a hand-written LSTM."""
    return (
        PPOConfig()
        .framework(framework)
        .environment(hidden_velocities)
        .env_runners(num_envs_per_env_runner=4)
        .training(train_batch_size=256, minibatch_size=64, num_epochs=2, model={"max_seq_len": 8})
        .rl_module(rl_module_spec=SingleAgentRLModuleSpec(module_class=Remembering))
        .evaluation(evaluation_duration=3)
        .debugging(seed=0)
    )


@pytest.fixture
def trained(remembering_ppo: PPOConfig, build: Any) -> Any:
    """An algorithm whose weights have moved, so that states matter."""
    algorithm = build(remembering_ppo)
    module = algorithm.get_module()
    trained = set(module.get_state()) - module.backend.untrained_weights(module)
    module.set_state({name: 3 * array if name in trained else array for name, array in module.get_state().items()})
    return algorithm
