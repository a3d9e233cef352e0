from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlmodule_core import StateError, UnknownIdError
from rlmodule_marl import MultiAgentRLModule


def _same(a: Any, b: Any) -> bool:
    return a.keys() == b.keys() and all(
        a[module_id].keys() == b[module_id].keys()
        and all(np.array_equal(array, b[module_id][name]) for name, array in a[module_id].items())
        for module_id in a
    )


def test_the_state_is_each_module_s_by_id(container: MultiAgentRLModule):
    state = container.get_state()
    assert set(state) == {"red", "blue"}
    assert state["blue"]["net.weight"].shape == (3, 4)
    assert _same({"red": state["red"]}, {"red": container["red"].get_state()})


def test_some_modules_states_can_be_asked_for(container: MultiAgentRLModule):
    assert set(container.get_state(["blue"])) == {"blue"}
    assert container.get_state([]) == {}


def test_a_state_is_a_copy(container: MultiAgentRLModule):
    before = container.get_state()
    container.get_state()["red"]["net.weight"][:] = 7.0
    assert _same(container.get_state(), before)


def test_a_state_goes_into_another_container(container: MultiAgentRLModule, spec: Any, obs: np.ndarray):
    other = MultiAgentRLModule()
    for module_id, actions in (("blue", 3), ("red", 2)):
        other.add_module(module_id, spec(actions).build())
    assert not _same(other.get_state(), container.get_state())
    other.set_state(container.get_state())
    assert _same(other.get_state(), container.get_state())
    np.testing.assert_array_equal(
        other.forward_train({"red": {"obs": obs}})["red"]["action_dist_inputs"],
        container.forward_train({"red": {"obs": obs}})["red"]["action_dist_inputs"],
    )


def test_a_partial_state_leaves_the_others_alone(container: MultiAgentRLModule):
    before = container.get_state()
    container.set_state({"red": {name: array + 1.0 for name, array in before["red"].items()}})
    after = container.get_state()
    assert _same({"blue": after["blue"]}, {"blue": before["blue"]})
    np.testing.assert_array_equal(after["red"]["net.weight"], before["red"]["net.weight"] + 1.0)


def test_an_unknown_id_changes_nothing(container: MultiAgentRLModule):
    before = container.get_state()
    shifted = {name: array + 1.0 for name, array in before["red"].items()}
    with pytest.raises(UnknownIdError, match=r"no module 'rad'.*Did you mean 'red'\?"):
        container.set_state({"red": shifted, "rad": shifted})
    assert _same(container.get_state(), before)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda state: state.pop("net.bias"), r"(?s)Module 'blue': .*net\.bias"),
        (lambda state: state.update(extra=np.zeros(1)), r"(?s)Module 'blue': .*extra"),
        (lambda state: state.update({"net.weight": np.zeros((3, 5))}), r"(?s)Module 'blue': .*net\.weight.*\(3, 4\)"),
    ],
    ids=["missing", "unexpected", "mis-shaped"],
)
def test_weights_that_do_not_fit_are_named_with_their_module(
    container: MultiAgentRLModule, change: Any, complaint: str
):
    before = container.get_state()
    # Red fits and comes first; it is not changed either.
    wrong = {"red": {name: array + 1.0 for name, array in before["red"].items()}, **container.get_state(["blue"])}
    change(wrong["blue"])
    with pytest.raises(StateError, match=complaint):
        container.set_state(wrong)
    assert _same(container.get_state(), before)
