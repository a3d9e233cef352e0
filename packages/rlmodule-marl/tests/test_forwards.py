from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from rlmodule_core import SpecCheckingError, UnknownIdError
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleConfig

FORWARDS = ["forward_train", "forward_exploration", "forward_inference"]


@pytest.mark.parametrize("forward", FORWARDS)
def test_each_module_gets_its_own_part_of_a_plain_dict(container: MultiAgentRLModule, forward: str, obs: np.ndarray):
    batch = {"red": {"obs": obs}, "blue": {"obs": obs * 2}}
    out = getattr(container, forward)(batch)
    assert set(out) == {"red", "blue"}
    for module_id, columns in batch.items():
        alone = getattr(container[module_id], forward)(columns)
        np.testing.assert_array_equal(out[module_id]["action_dist_inputs"], alone["action_dist_inputs"])


@pytest.mark.parametrize("forward", FORWARDS)
def test_only_the_ids_in_the_batch_run(spec: Any, linear: Any, forward: str, obs: np.ndarray):
    ran: list[Any] = []

    class Noting(linear):
        def _forward_train(self, batch: Any) -> Any:
            ran.append(self)
            return super()._forward_train(batch)

        _forward_exploration = _forward_inference = _forward_train

    container = MultiAgentRLModule()
    for module_id in ("red", "blue", "green"):
        container.add_module(module_id, Noting(spec().get_rl_module_config()))
    out = getattr(container, forward)({"blue": {"obs": obs}})
    assert set(out) == {"blue"}
    assert ran == [container["blue"]]


def test_an_empty_batch_gives_an_empty_output(container: MultiAgentRLModule):
    assert container.forward_inference({}) == {}


@pytest.mark.parametrize("forward", FORWARDS)
def test_an_unknown_id_in_a_batch_is_named(container: MultiAgentRLModule, forward: str, obs: np.ndarray):
    with pytest.raises(UnknownIdError, match=r"no module 'rot' \(there are: red, blue\).*"):
        getattr(container, forward)({"red": {"obs": obs}, "rot": {"obs": obs}})


def test_any_mapping_is_a_batch_and_is_left_alone(container: MultiAgentRLModule, obs: np.ndarray):
    batch = MappingProxyType({"red": MappingProxyType({"obs": obs})})
    assert container.forward_train(batch)["red"]["action_dist_inputs"].shape == (5, 2)
    assert dict(batch["red"]) == {"obs": obs}


def test_the_modules_check_their_own_parts(container: MultiAgentRLModule, obs: np.ndarray):
    with pytest.raises(SpecCheckingError, match=r"Linear\.forward_train \(input\).*'obs'.*missing"):
        container.forward_train({"red": {"observations": obs}})


def test_a_subclass_may_let_agents_communicate(spec: Any, obs: np.ndarray):
    class Telepathic(MultiAgentRLModule):
        def _forward_inference(self, batch: Any) -> Any:
            mean = np.mean([columns["obs"] for columns in batch.values()], axis=0)
            return super()._forward_inference({module_id: {"obs": mean} for module_id in batch})

    container = Telepathic(MultiAgentRLModuleConfig({"red": spec(2), "blue": spec(3)}))
    out = container.forward_inference({"red": {"obs": obs}, "blue": {"obs": -obs}})
    silent = container["red"].forward_inference({"obs": np.zeros_like(obs)})
    np.testing.assert_array_equal(out["red"]["action_dist_inputs"], silent["action_dist_inputs"])


def test_recurrent_states_are_kept_by_id(container: MultiAgentRLModule, spec: Any, linear: Any):
    assert not container.is_stateful()
    assert container.get_initial_state() == {}

    class Remembering(linear):
        def get_initial_state(self) -> Any:
            return {"h": np.zeros(3, np.float32)}

    container.add_module("green", Remembering(spec().get_rl_module_config()))
    assert container.is_stateful()
    assert set(container.get_initial_state()) == {"green"}
    assert container.get_initial_state()["green"]["h"].shape == (3,)
