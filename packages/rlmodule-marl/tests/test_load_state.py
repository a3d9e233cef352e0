"""Weights of a checkpoint for the modules of a container that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rlmodule_core import CheckpointError, ConfigError, StateError, UnknownIdError
from rlmodule_marl import MultiAgentRLModule

IDS = ("red", "blue", "green", "lime")
_SUBSETS = st.sets(st.sampled_from(IDS))


def _filled(module: Any, ids: Any, value: float) -> MultiAgentRLModule:
    """A container whose weights are all one number."""
    container = MultiAgentRLModule()
    for module_id in sorted(ids):
        container.add_module(module_id, module(2))
    container.set_state(
        {key: {n: np.full_like(a, value) for n, a in s.items()} for key, s in container.get_state().items()}
    )
    return container


def _values(container: MultiAgentRLModule) -> dict[str, float]:
    return {module_id: float(state["net.weight"][0, 0]) for module_id, state in container.get_state().items()}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(there=_SUBSETS, stored=_SUBSETS, chosen=st.none() | _SUBSETS)
def test_exactly_the_modules_that_are_meant_are_loaded_or_none(
    tmp_path_factory: Any, module: Any, there: set[str], stored: set[str], chosen: set[str] | None
):
    assume(there or chosen is not None)
    directory = tmp_path_factory.mktemp("stored")
    _filled(module, stored, 2.0).save_to_checkpoint(directory)
    container = _filled(module, there, 1.0)
    meant = there if chosen is None else chosen
    if meant <= there & stored:
        container.load_state(directory, modules_to_load=chosen)
        assert _values(container) == {key: 2.0 if key in meant else 1.0 for key in there}
    else:
        with pytest.raises(UnknownIdError if meant - there else CheckpointError) as caught:
            container.load_state(directory, modules_to_load=chosen)
        wrong = meant - there or meant - stored
        assert any(repr(module_id) in str(caught.value) for module_id in wrong)
        assert set(_values(container).values()) <= {1.0}


def test_weights_that_do_not_fit_change_nothing(container: MultiAgentRLModule, module: Any, tmp_path: Path):
    other = MultiAgentRLModule()
    other.add_module("red", module(2))
    other.add_module("blue", module(9))
    other.save_to_checkpoint(tmp_path)
    before = container.get_state()
    with pytest.raises(StateError, match=r"(?s)cannot be loaded\. Module 'blue'.*expected \(3, 4\), got \(9, 4\)"):
        container.load_state(tmp_path)
    for module_id, state in container.get_state().items():
        for name, array in state.items():
            np.testing.assert_array_equal(array, before[module_id][name])


@pytest.mark.parametrize("chosen", ["red", b"red", 3, {"red": 1, 3: 1}, [None]])
def test_what_is_no_collection_of_ids_is_refused(container: MultiAgentRLModule, tmp_path: Path, chosen: Any):
    container.save_to_checkpoint(tmp_path)
    with pytest.raises(ConfigError, match=r"modules_to_load must be a collection of module ids|no legal module id"):
        container.load_state(tmp_path, modules_to_load=chosen)


def test_a_container_without_modules_has_nothing_to_load_into(container: MultiAgentRLModule, tmp_path: Path):
    container.save_to_checkpoint(tmp_path)
    with pytest.raises(ConfigError, match=r"no modules to load weights into.*from_checkpoint"):
        MultiAgentRLModule().load_state(tmp_path)


def test_nothing_is_written_by_loading(container: MultiAgentRLModule, tmp_path: Path):
    with pytest.raises(CheckpointError, match="nowhere"):
        container.load_state(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []
