from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import flatten

from rlmodule_algorithms import PRESETS
from rlmodule_core import Policy, default_backend_name
from rlmodule_core.spaces import from_mappings, map_leaves, row_of, to_mappings

pytestmark = pytest.mark.learning

PROCESSOR_SECONDS = {
    "ppo-cartpole": 90.0,
    "ppo-acrobot": 60.0,
    "ppo-pendulum": 180.0,
    "ppo-find-the-spot": 60.0,
    "ppo-high-or-low": 20.0,
    "ppo-echo-multi-discrete": 20.0,
    "ppo-echo-tuple": 20.0,
    "ppo-echo-dict": 20.0,
    "ppo-harvest": 60.0,
    "ppo-lstm-cartpole": 100.0,
    "ppo-gru-cartpole": 100.0,
    "ppo-attention-cartpole": 100.0,
    "ppo-lstm-recall": 60.0,
    "ppo-lstm-orbit": 60.0,
    "ppo-hopper": 240.0,
}
EVERY = pytest.mark.parametrize("name", PROCESSOR_SECONDS)
SEEDS = pytest.mark.parametrize("seed", [0, 1, 2])


@SEEDS
@EVERY
def test_a_preset_reaches_its_target_in_its_processor_seconds(name: str, seed: int, trained: Any) -> None:
    found = trained(name, seed)
    print(f"{name}, seed {seed}: {found.mean:.2f} after {found.cpu_seconds:.1f} CPU seconds, {found.env_steps} steps")
    assert found.mean >= PRESETS[name].target
    assert found.cpu_seconds <= PROCESSOR_SECONDS[name]


@SEEDS
@EVERY
def test_numpy_serves_what_a_preset_has_trained_with_the_greedy_actions_of_its_framework(
    name: str, seed: int, trained: Any
) -> None:
    directory = trained(name, seed).directory
    frameworks = ("numpy", default_backend_name())
    numpy, trainer = (Policy.from_checkpoint(directory, framework=framework) for framework in frameworks)
    env = gym.make(PRESETS[name].env)
    (obs, _), reward = env.reset(seed=seed), 0.0
    given, sessions = set(), (numpy.session(1), trainer.session(1))
    for _ in range(300):
        inside = map_leaves(lambda leaf: np.asarray(leaf)[None], to_mappings(env.observation_space, obs))
        batch = from_mappings(env.observation_space, inside)
        action, expected = (row_of(session.act(batch, [reward]), 0) for session in sessions)
        served = flatten(env.action_space, action)
        np.testing.assert_allclose(served, flatten(env.action_space, expected), rtol=1e-4, atol=1e-4)
        given.add(served.tobytes())
        obs, reward, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            obs, _ = env.reset()
            for session in sessions:
                session.reset()
    assert len(given) > 1, "a policy that knows one action shows nothing"


def test_every_preset_is_here() -> None:
    assert PROCESSOR_SECONDS.keys() == PRESETS.keys()


def test_the_targets_are_those_that_were_promised() -> None:
    assert {preset.env: preset.target for preset in PRESETS.values()} == {
        "CartPole-v1": 475.0,
        "Acrobot-v1": -100.0,
        "Pendulum-v1": -250.0,
        "rlmodule/FindTheSpot-v0": 9.5,
        "rlmodule/HighOrLow-v0": 19.0,
        "rlmodule/EchoMultiDiscrete-v0": 9.0,
        "rlmodule/EchoTuple-v0": 9.0,
        "rlmodule/EchoDict-v0": 9.0,
        "rlmodule/Harvest-v0": 17.0,
        "rlmodule/CartPoleWithoutVelocities-v0": 400.0,
        "rlmodule/Recall-v0": 0.95,
        "rlmodule/Orbit-v0": 17.0,
        "Hopper-v5": 1000.0,
    }
