"""The statistics of a normaliser in torch: saved with the module, and left alone by whatever trains it."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlmodule_core import ActorCriticRLModule, OptimizerSettings, Policy, RLModule, SingleAgentRLModuleSpec
from rlmodule_torch import TorchBackend

SPACES = gym.spaces.Box(-np.inf, np.inf, (3,)), gym.spaces.Discrete(2)
OBS = torch.tensor([[101.0, -3.0, 0.0], [99.0, 50.0, 1e-3]])


@pytest.fixture
def module() -> Any:
    """A module whose statistics and weights are not those that it started with."""
    pytest.importorskip("rlmodule_catalogs")
    settings = {"fcnet_hiddens": [4], "normalize_observations": True, "vf_share_layers": False}
    made = SingleAgentRLModuleSpec(ActorCriticRLModule, *SPACES, settings, "ppo").build(framework="torch")
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
    return module.forward_inference({"obs": OBS})["action_dist_inputs"]


def test_statistics_are_buffers_that_are_saved_and_no_parameters(module: Any) -> None:
    found = {f"encoder.{part}.0.{leaf}" for part in ("actor", "critic") for leaf in ("mean", "variance", "count")}
    assert module.backend.untrained_weights(module) == found
    assert found <= module.get_state().keys()
    assert len(list(module.buffers())) == len(found) == 6
    assert not {name for name, _ in module.named_parameters() if "variance" in name}


def test_optimizers_know_nothing_of_them(module: Any) -> None:
    optimizer = TorchBackend().make_optimizer(module, OptimizerSettings())
    assert not {name for name in optimizer.get_state() if ".variance" in name or ".mean" in name}
    before = module.get_state()
    module.forward_train({"obs": OBS})["vf_preds"].sum().backward()
    assert all(weight.grad is not None for name, weight in module.named_parameters() if name.startswith("vf"))
    for name in module.backend.untrained_weights(module):
        np.testing.assert_array_equal(module.get_state()[name], before[name])


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_take_them_along(module: Any, twin: Any) -> None:
    other = twin(module)
    expected = outputs(module)
    torch.testing.assert_close(outputs(other), expected, rtol=0, atol=0)
    other.set_state(moved(module, 1.0))
    torch.testing.assert_close(outputs(module), expected, rtol=0, atol=0)


def test_other_frameworks_and_checkpoints_take_them_along(module: Any, tmp_path: Path) -> None:
    module.save_to_checkpoint(tmp_path)
    served = Policy.from_checkpoint(tmp_path, framework="numpy").module
    for numpy in (served, module.to_framework("numpy")):
        found = numpy.forward_inference({"obs": OBS.numpy()})["action_dist_inputs"]
        np.testing.assert_allclose(found, outputs(module).numpy(), rtol=1e-5, atol=1e-6)
        assert numpy.backend.untrained_weights(numpy) == module.backend.untrained_weights(module)
        torch.testing.assert_close(outputs(numpy.to_framework("torch")), outputs(module), rtol=0, atol=0)


def test_a_compiled_module_computes_with_those_that_are_set_later(module: Any) -> None:
    twin = copy.deepcopy(module)
    module.compile(backend="aot_eager")
    torch.testing.assert_close(outputs(module), outputs(twin))
    first = outputs(module)
    for each in (module, twin):
        each.set_state(moved(twin, 5.0))
    assert not torch.equal(outputs(module), first)
    torch.testing.assert_close(outputs(module), outputs(twin))


def test_the_summary_says_that_they_are_not_trainable(module: Any) -> None:
    for shown in (module.summary(), module.to_framework("numpy").summary()):
        lines = [line for line in shown.splitlines() if "Normalise(3)" in line]
        assert len(lines) == 2
        assert all(line.endswith("7  not trainable") for line in lines)
