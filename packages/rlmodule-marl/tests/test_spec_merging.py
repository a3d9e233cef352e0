"""More modules, other settings, and one spec for all ids."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_core import ConfigError, SingleAgentRLModuleSpec
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleSpec

WIDER = SingleAgentRLModuleSpec(action_space=gym.spaces.Discrete(9))

_SINGLE = st.builds(
    SingleAgentRLModuleSpec,
    model_config_dict=st.none() | st.dictionaries(st.sampled_from("ab"), st.integers(0, 2), max_size=1),
    catalog_class=st.none() | st.sampled_from(["ppo", "mine"]),
)
_BY_ID = st.dictionaries(st.sampled_from(["red", "blue", "green"]), _SINGLE)


class Mine(MultiAgentRLModule):
    """A container of the user's own."""


def _whole(specs: Any, **fields: Any) -> MultiAgentRLModuleSpec:
    return MultiAgentRLModuleSpec(module_specs=specs, **fields)


@given(own=_BY_ID | _SINGLE, other=_BY_ID | _SINGLE, overwrite=st.booleans(), ids=st.sets(st.sampled_from("xyz")))
def test_update_merges_id_by_id_whatever_stands_for_all(own: Any, other: Any, overwrite: bool, ids: set[str]):
    merged = _whole(own).update(_whole(other), overwrite=overwrite).module_specs

    def of(specs: Any, module_id: str) -> Any:
        return specs.get(module_id) if isinstance(specs, dict) else specs

    named = {module_id for specs in (own, other) if isinstance(specs, dict) for module_id in specs}
    for module_id in named | ids:
        mine, its = of(own, module_id), of(other, module_id)
        expected = its if mine is None else mine if its is None or not overwrite else its
        if mine is not None and its is not None and not overwrite:
            expected = mine.update(its)
        if isinstance(merged, dict):
            assert set(merged) == named
        if module_id in named or not isinstance(merged, dict):
            assert of(merged, module_id) == expected


@given(own=_BY_ID, more=_BY_ID, overwrite=st.booleans())
def test_adding_modules_is_updating_with_a_dict(own: Any, more: Any, overwrite: bool):
    added = _whole(own).add_modules(more, overwrite=overwrite)
    assert added == _whole(own).update(_whole(more), overwrite=overwrite)
    assert list(added.module_specs) == list(dict.fromkeys([*own, *more]))


def test_update_can_change_where_weights_come_from_alone(spec: Any):
    own = _whole({"red": spec(2)})
    assert own.update(MultiAgentRLModuleSpec(load_state_path="runs/both")) == replace(own, load_state_path="runs/both")
    with pytest.raises(ConfigError, match="module_specs is empty"):
        MultiAgentRLModuleSpec().build()


def test_update_leaves_both_specs_alone(spec: Any):
    own, other = _whole({"red": spec(2)}), _whole({"red": WIDER, "blue": spec(3)})
    before = own, dict(own.module_specs), dict(other.module_specs)
    own.update(other, overwrite=True)
    assert (own, own.module_specs, other.module_specs) == before


def test_a_single_spec_updates_every_one(spec: Any):
    updated = _whole({"red": spec(2, width=8), "blue": spec(3)}).update(_whole(WIDER))
    assert updated == _whole({"red": spec(9, width=8), "blue": spec(9)})


def test_specs_by_id_update_a_single_one_for_those_ids(spec: Any):
    updated = _whole(spec(2, width=8)).update(_whole({"red": WIDER, "blue": SingleAgentRLModuleSpec()}))
    assert updated == _whole({"red": spec(9, width=8), "blue": spec(2, width=8)})


def test_the_other_fields_are_replaced_where_the_other_sets_them(spec: Any):
    own = MultiAgentRLModuleSpec(Mine, {"red": spec()}, load_state_path="there", modules_to_load={"red"})
    assert own.update(_whole({})) == own
    changes: dict[str, Any] = {"load_state_path": "elsewhere", "modules_to_load": set()}
    assert own.update(_whole({}, **changes)) == replace(own, **changes)
    assert _whole({"red": spec()}).update(replace(own, module_specs={})) == own


@pytest.mark.parametrize("wrong", [None, 3, {}, WIDER, {"red": WIDER}])
def test_only_specs_of_containers_update_one(spec: Any, wrong: Any):
    with pytest.raises(ConfigError, match=r"only be updated by another one, got .*add_modules\(\)"):
        _whole({"red": spec()}).update(wrong)


def test_a_single_spec_is_taken_for_each_id(spec: Any):
    whole = _whole(spec(2, width=8), load_state_path="there")
    expected = replace(whole, module_specs={"red": spec(2, width=8), "blue": spec(2, width=8)})
    assert whole.for_modules(["red", "blue", "red"]) == expected
    built = _whole(spec(2)).for_modules(["red", "blue"]).build()
    assert built["red"] is not built["blue"]


def test_specs_by_id_must_be_those_of_the_modules(spec: Any):
    whole = _whole({"red": spec(2), "blue": spec(3)})
    assert whole.for_modules({"blue", "red"}) == whole
    assert list(whole.for_modules(["blue", "red"]).module_specs) == ["blue", "red"]
    with pytest.raises(ConfigError, match=r"no spec for 'bleu' Did you mean 'blue'\?; a spec for 'blue', which is not"):
        whole.for_modules(["red", "bleu"])


def test_without_ids_the_next_step_is_named(spec: Any):
    whole = _whole(spec())
    for build in (whole.build, lambda: whole.build("red"), whole.get_marl_config, lambda: whole.add_modules({})):
        with pytest.raises(ConfigError, match=r"no ids are known here\. Call for_modules\(ids\) first"):
            build()
