"""The guide: choosing distributions by hand, deterministic ones among them."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import Distribution, Policy, RLModuleConfig, compute_actions, get_backend

BOX = gym.spaces.Box(-1, 1, (2,))
OBS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
LOGITS = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)


@pytest.fixture
def deterministic(user: ModuleType) -> Any:
    return user.Deterministic(RLModuleConfig(gym.spaces.Box(-9, 9, (4,)), BOX, {}))


def _numpy(module: Any, explore: bool) -> dict[str, Any]:
    found: dict[str, Any] = module.backend.to_numpy(compute_actions(module, {"obs": OBS}, explore=explore))
    return found


@pytest.mark.parametrize("explore", [True, False])
def test_a_deterministic_distribution_gives_the_inputs_themselves(deterministic: Any, explore: bool):
    found, state = _numpy(deterministic, explore), deterministic.get_state()
    (kernel,) = (array for name, array in state.items() if name != "net.bias")
    # Torch keeps it (out, in), Keras (in, out).
    expected = np.tanh(OBS @ (kernel if kernel.shape == (4, 2) else kernel.T) + state["net.bias"])
    np.testing.assert_allclose(found["actions"], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["actions"], found["action_dist_inputs"])


def test_a_policy_serves_it_without_a_random_number(deterministic: Any):
    first, second = (Policy(deterministic, seed=seed).compute_actions(OBS, explore=True)[0] for seed in (0, 1))
    np.testing.assert_array_equal(first, second)
    assert all(action in BOX for action in first)


@pytest.fixture
def deciding(user: ModuleType, framework: str) -> Any:
    """Makes modules that return a distribution object of their own making."""

    class Deciding(user.Base):  # type: ignore[misc, name-defined]
        def __init__(self, dist: Distribution) -> None:
            super().__init__(None)
            self.dist = dist

        def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"action_dist": self.dist}

        _forward_exploration = _forward_inference = _forward_train

    return lambda dist_cls, logits: Deciding(dist_cls.from_logits(get_backend(framework).batch(None, logits)))


def test_a_distribution_object_is_used_like_its_inputs(deciding: Any, user: ModuleType):
    module, logits = deciding(user.Categorical, LOGITS[:, :3]), LOGITS[:, :3].astype(np.float64)
    explored = _numpy(module, explore=True)
    expected = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    np.testing.assert_allclose(
        explored["action_logp"], expected[np.arange(6), explored["actions"]], rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(_numpy(module, explore=False)["actions"], logits.argmax(-1))


def test_a_gaussian_object_gives_its_mean_in_inference(deciding: Any, user: ModuleType):
    module = deciding(user.DiagGaussian, LOGITS)
    np.testing.assert_array_equal(_numpy(module, explore=False)["actions"], LOGITS[:, :2])
    explored = _numpy(module, explore=True)
    mean, deviation = LOGITS[:, :2].astype(np.float64), np.exp(LOGITS[:, 2:].astype(np.float64))
    density = np.exp(-(((explored["actions"] - mean) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(explored["action_logp"], np.log(density).sum(-1), rtol=1e-4, atol=1e-5)


def test_at_a_prompt_no_generator_is_needed(user: ModuleType, framework: str):
    backend = get_backend(framework)
    dist = user.Categorical.from_logits(backend.batch(None, np.zeros((1000, 4))))
    actions = backend.to_numpy(dist.sample())
    assert set(actions.tolist()) == {0, 1, 2, 3}
    np.testing.assert_array_equal(backend.to_numpy(dist.to_deterministic().sample()), np.zeros(1000, np.int64))
