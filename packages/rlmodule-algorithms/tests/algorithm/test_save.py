from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_layers import EACH_TRAINING

from rlmodule_algorithms import PPOConfig
from rlmodule_core import Policy, RLModule, default_backend_name


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
@EACH_TRAINING
def test_numpy_serves_what_was_trained_with_equal_greedy_actions(
    small_ppo: PPOConfig, build: Any, tmp_path: Path, env: str, framework: str
) -> None:
    algorithm = build(small_ppo.environment(env).env_runners(act_with="module").training(lr=1e-2))
    for _ in range(3):
        algorithm.train()
    assert algorithm.get_module().framework == framework
    policy = Policy.from_checkpoint(algorithm.save(tmp_path / "saved"), framework="numpy")
    width = algorithm.get_module().config.observation_space.shape[0]
    obs = np.random.default_rng(0).normal(size=(1000, width)).astype(np.float32)
    expected = Policy(algorithm.get_module()).compute_actions(obs)[0]
    found = policy.compute_actions(obs)[0]
    assert policy.module.framework == "numpy"
    if env == "CartPole-v1":
        assert np.array_equal(found, expected)
        assert set(found.tolist()) == {0, 1}
    else:
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_saved_algorithm_is_a_module_again_with_the_same_weights(
    small_ppo: PPOConfig, build: Any, tmp_path: Path
) -> None:
    algorithm = build(small_ppo)
    algorithm.train()
    loaded = RLModule.from_checkpoint(algorithm.save(tmp_path))
    expected = algorithm.get_module().get_state()
    assert loaded.framework == default_backend_name()
    assert all(np.array_equal(expected[name], value) for name, value in loaded.get_state().items())


def test_saving_changes_nothing_in_training(small_ppo: PPOConfig, build: Any, tmp_path: Path) -> None:
    plain, saved = build(small_ppo), build(small_ppo)
    for _ in range(2):
        plain.train()
        saved.train()
        saved.save(tmp_path)
    expected, found = (algorithm.get_module().get_state() for algorithm in (plain, saved))
    assert all(np.array_equal(expected[name], found[name]) for name in expected)


@EACH_TRAINING
def test_the_document_holds_counters_and_random_states(
    small_ppo: PPOConfig, build: Any, tmp_path: Path, framework: str
) -> None:
    algorithm = build(small_ppo)
    algorithm.train()
    algorithm.save(tmp_path)
    document = json.loads((tmp_path / "algorithm.json").read_text())["algorithm"]
    assert (document["name"], document["acted_with"], document["by_name"]) == ("PPO", "numpy", {})
    assert {name: document["options"][name] for name in ("env", "framework_name", "seed", "minibatch_size")} == {
        "env": "CartPole-v1",
        "framework_name": framework,
        "seed": 0,
        "minibatch_size": 32,
    }
    assert document["state"] == json.loads(json.dumps(asdict(algorithm.get_state())))
    assert document["state"]["env_steps"] == algorithm.env_steps
    assert document["state"]["learner"]["kl_coeffs"].keys() == {"default_policy"}


def test_an_environment_that_has_no_id_is_not_written(
    scripted: Any, small_ppo: PPOConfig, build: Any, tmp_path: Path
) -> None:
    algorithm = build(small_ppo.environment(scripted, env_config={"script": [(3, "terminated")]}))
    algorithm.save(tmp_path)
    assert json.loads((tmp_path / "algorithm.json").read_text())["algorithm"]["by_name"] == {
        "env": f"{scripted.__module__}:Scripted"
    }
