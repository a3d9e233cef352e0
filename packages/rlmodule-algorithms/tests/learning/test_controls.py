"""What a preset does not learn where the part of the observation is missing that its task is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import TransformObservation

pytestmark = pytest.mark.learning

Env = gym.Env[Any, Any]


def blind(env: Env) -> Env:
    """Shows zeros only."""
    return TransformObservation(env, zeros, env.observation_space)


def without_image(env: Env) -> Env:
    return TransformObservation(env, lambda obs: {**obs, "image": zeros(obs["image"])}, env.observation_space)


def unmasked(env: Env) -> Env:
    """Shows the mask under another key, so that it is an input of the network and no more."""

    def renamed(obs: Any) -> dict[str, Any]:
        return {"legal": obs["action_mask"], "observations": obs["observations"]}

    return TransformObservation(env, renamed, gym.spaces.Dict(renamed(env.observation_space)))


def zeros(obs: Any) -> Any:
    match obs:
        case dict():
            return {key: zeros(part) for key, part in obs.items()}
        case tuple():
            return tuple(map(zeros, obs))
        case _:
            return np.zeros_like(obs)


@pytest.mark.parametrize(
    ("name", "wrap", "at_most"),
    [
        ("ppo-find-the-spot", without_image, 1.5),
        ("ppo-high-or-low", unmasked, 5.0),
        ("ppo-echo-multi-discrete", blind, 1.0),
        ("ppo-echo-tuple", blind, 1.0),
        ("ppo-echo-dict", blind, 1.0),
        ("ppo-harvest", blind, 4.0),
        ("ppo-hopper", blind, 600.0),
    ],
)
def test_a_control_does_not_learn(name: str, wrap: Callable[[Env], Env], at_most: float, trained_in: Any) -> None:
    found = trained_in(name, wrap)
    print(f"{name}, control: {found.mean:.2f} after {found.cpu_seconds:.1f} CPU seconds, {found.env_steps} steps")
    assert found.mean <= at_most


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("name", "at_most"), [("ppo-lstm-cartpole", 150.0), ("ppo-lstm-recall", 0.5), ("ppo-lstm-orbit", 7.0)]
)
def test_without_memory_it_is_not_learned(name: str, at_most: float, seed: int, trained_without_memory: Any) -> None:
    found = trained_without_memory(name, seed)
    print(f"{name}, seed {seed}, without memory: {found.mean:.2f} after {found.cpu_seconds:.1f} CPU seconds")
    assert found.mean < at_most
