"""The statistics of a normaliser in TensorFlow: saved with the module, and left alone by whatever trains it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import ActorCriticRLModule, OptimizerSettings, Policy, RLModule, SingleAgentRLModuleSpec
from rlmodule_tf import TfBackend

SPACES = gym.spaces.Box(-np.inf, np.inf, (3,)), gym.spaces.Discrete(2)
OBS = np.array([[101.0, -3.0, 0.0], [99.0, 50.0, 1e-3]], np.float32)


@pytest.fixture
def module() -> Any:
    """A module whose statistics and weights are not those that it started with."""
    pytest.importorskip("rlmodule_catalogs")
    settings = {"fcnet_hiddens": [4], "normalize_observations": True, "vf_share_layers": False}
    made = SingleAgentRLModuleSpec(ActorCriticRLModule, *SPACES, settings, "ppo").build(framework="tf2")
    made.set_state(moved(made, 1.0))
    return made


def moved(module: RLModule, by: float) -> dict[str, Any]:
    leaves = {"mean": [100.0, -2.0, 0.0], "variance": [9.0, 400.0, 1e-6], "count": 7.0}
    state = module.get_state()
    for name, array in state.items():
        leaf = name.rpartition(".")[2]
        if leaf in leaves:
            state[name] = np.asarray(leaves[leaf], np.float32) + np.float32(by if leaf == "mean" else 0.0)
        else:
            state[name] = array + np.float32(0.1)
    return state


def outputs(module: Any) -> Any:
    return module.forward_inference({"obs": tf.constant(OBS)})["action_dist_inputs"].numpy()


def test_statistics_are_saved_and_not_trained(module: Any) -> None:
    found = {f"encoder.{part}.0.{leaf}" for part in ("actor", "critic") for leaf in ("mean", "variance", "count")}
    assert module.backend.untrained_weights(module) == found
    assert found <= module.get_state().keys()


def test_optimizers_know_nothing_of_them(module: Any, update: Callable[..., Any]) -> None:
    optimizer = TfBackend().make_optimizer(module, OptimizerSettings(lr=0.1))
    assert not {name for name in optimizer.get_state() if ".variance" in name or ".mean" in name}
    before = module.get_state()
    update(module, optimizer=optimizer, columns={"obs": OBS}, permutation=np.arange(2))
    after = module.get_state()
    changed = {name for name, array in before.items() if not np.array_equal(after[name], array)}
    assert changed == before.keys() - module.backend.untrained_weights(module)


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_take_them_along(module: Any, twin: Any) -> None:
    other = twin(module)
    expected = outputs(module)
    np.testing.assert_array_equal(outputs(other), expected)
    assert other.backend.untrained_weights(other) == module.backend.untrained_weights(module)
    other.set_state(moved(module, 1.0))
    np.testing.assert_array_equal(outputs(module), expected)


def test_other_frameworks_and_checkpoints_take_them_along(module: Any, tmp_path: Path) -> None:
    module.save_to_checkpoint(tmp_path)
    served = Policy.from_checkpoint(tmp_path, framework="numpy").module
    for numpy in (served, module.to_framework("numpy")):
        found = numpy.forward_inference({"obs": OBS})["action_dist_inputs"]
        np.testing.assert_allclose(found, outputs(module), rtol=1e-5, atol=1e-6)
        assert numpy.backend.untrained_weights(numpy) == module.backend.untrained_weights(module)
        np.testing.assert_array_equal(outputs(numpy.to_framework("tf2")), outputs(module))


def test_a_graph_computes_with_those_that_are_set_later(module: Any) -> None:
    first, twin = outputs(module), copy.deepcopy(module)
    for each in (module, twin):
        each.set_state(moved(twin, 5.0))
    assert not np.array_equal(outputs(module), first)
    np.testing.assert_array_equal(outputs(module), outputs(twin))
    assert module._graphs.traces == 1


def test_the_summary_says_that_they_are_not_trainable(module: Any) -> None:
    lines = [line for line in module.summary().splitlines() if "Normalise(3)" in line]
    assert len(lines) == 2
    assert all(line.endswith("7  not trainable") for line in lines)
