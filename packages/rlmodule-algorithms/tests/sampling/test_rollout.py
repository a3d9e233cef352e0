from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from own_layers import EACH_FRAMEWORK

from rlmodule_algorithms import PPORLModule
from rlmodule_algorithms.sampling.environments import make_vector_env
from rlmodule_algorithms.sampling.rollout import RESERVED
from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_core import RLModuleConfig, SingleAgentRLModuleSpec, SpecCheckingError, get_backend
from rlmodule_core.numpy_backend import NumpyRLModule

SCRIPT = {"script": [(3, "truncated")]}


class Doubling(PPORLModule):
    """Changes its observations in place, as a normalising layer might, where tensors can be changed."""

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        obs = batch["obs"]
        obs *= 2.0
        return {"actions": self.backend.ops.argmax(0.0 * obs)}


def sample(scripted: Any, forward: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Any:
    class Given(NumpyRLModule):
        def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            return forward(batch)

        _forward_exploration = _forward_inference = _forward_train

    env = make_vector_env(scripted, SCRIPT, 2)
    module = Given(RLModuleConfig(env.single_observation_space, env.single_action_space))
    return Runner(env, module, rng=get_backend("numpy").rng(0), fragment_length=4, seed=0).sample()


def zeros(batch: Mapping[str, Any]) -> Any:
    return np.zeros(len(batch["obs"]), np.int64)


@EACH_FRAMEWORK
def test_a_forward_that_works_in_place_changes_no_stored_observation(scripted: Any, framework: str) -> None:
    env = make_vector_env(scripted, SCRIPT, 2)
    spec = SingleAgentRLModuleSpec(
        module_class=Doubling,
        observation_space=env.single_observation_space,
        action_space=env.single_action_space,
        model_config_dict={"fcnet_hiddens": [4]},
        catalog_class="ppo",
    )
    module = spec.build(framework=framework)
    rollout = Runner(env, module, rng=module.backend.rng(0), fragment_length=5, seed=0).sample()
    assert rollout.obs[:, 0, 0].tolist() == [0, 1, 2, 10, 11, 12]


def test_arrays_of_the_module_are_stored_and_other_things_are_left_out(scripted: Any) -> None:
    rollout = sample(
        scripted, lambda batch: {"actions": zeros(batch), "extra": batch["obs"] * 3.0, "note": "hello", "tree": {}}
    )
    assert rollout.outputs.keys() == {"actions", "extra"}
    assert np.array_equal(rollout.outputs["extra"], rollout.obs[:-1] * 3.0)


@pytest.mark.parametrize("key", sorted(RESERVED))
def test_a_column_that_the_rollout_fills_itself_is_refused_by_name(scripted: Any, key: str) -> None:
    with pytest.raises(SpecCheckingError, match=rf"Given.forward_exploration returned '{key}', a column that the"):
        sample(scripted, lambda batch: {"actions": zeros(batch), key: batch["obs"][:, 0]})


@pytest.mark.parametrize("extra", [np.float32(1.0).reshape(()), np.zeros(3), np.zeros((1, 2))], ids=np.shape)
def test_an_output_without_one_row_per_environment_is_refused_with_its_shape(scripted: Any, extra: Any) -> None:
    with pytest.raises(SpecCheckingError) as error:
        sample(scripted, lambda batch: {"actions": zeros(batch), "extra": np.asarray(extra)})
    assert "Given.forward_exploration returned 'extra'" in str(error.value)
    assert f"[B, ...] with B = 2, got {extra.shape}" in str(error.value)


@pytest.mark.parametrize(
    ("later", "found"), [({"extra": np.zeros((2, 1))}, r"got \(2, 1\)"), ({}, "got None")], ids=["shape", "absence"]
)
def test_an_output_that_changes_on_the_way_is_refused(scripted: Any, later: Mapping[str, Any], found: str) -> None:
    steps = iter([{"extra": np.zeros((2, 7))}, later])
    with pytest.raises(SpecCheckingError, match=rf"'extra' .* expected \(2, 7\) as at the first step, {found}"):
        sample(scripted, lambda batch: {"actions": zeros(batch), **next(steps)})


def test_actions_that_are_no_array_are_refused(scripted: Any) -> None:
    with pytest.raises(SpecCheckingError, match="'actions' in an unexpected shape: expected an array, got list"):
        sample(scripted, lambda batch: {"actions": [0, 0]})
