from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_core import CheckpointError
from rlmodule_core.plans import (
    COMPOSITES,
    RECORDS,
    Activation,
    ActorCritic,
    Branches,
    Cast,
    Chain,
    Concat,
    Conv2D,
    Dense,
    Encoder,
    Flatten,
    FreeParameter,
    Fusion,
    LayerNorm,
    MultiOneHot,
    OneHot,
    Plan,
    Scale,
    Transpose,
    from_json,
    to_json,
)
from rlmodule_core.plans.initializers import INITIALIZERS
from rlmodule_core.plans.records import ACTIVATIONS

_TYPES = (*RECORDS, *COMPOSITES)
_SIZES = st.integers(1, 300)
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
_PAIRS = st.tuples(_SIZES, _SIZES)
_INITIALIZERS = st.sampled_from([*INITIALIZERS])
_ENTRIES = st.lists(st.tuples(st.integers(1, 9), st.integers(-9, 9)), min_size=1, max_size=4)
_RECORDS = st.one_of(
    st.builds(Dense, _SIZES, _SIZES, st.booleans(), _NUMBERS, _INITIALIZERS),
    st.builds(Conv2D, _SIZES, _SIZES, _PAIRS, _PAIRS, st.tuples(*[st.integers(0, 9)] * 4), initializer=_INITIALIZERS),
    st.builds(Flatten, st.integers(0, 5)),
    st.builds(Transpose, st.permutations(range(4)).map(tuple)),
    st.builds(Scale, st.floats(1e-3, 1e3)),
    _ENTRIES.map(lambda entries: MultiOneHot(*zip(*entries, strict=True))),
    st.just(Concat()),
    st.builds(Activation, st.sampled_from(ACTIVATIONS)),
    st.builds(LayerNorm, _SIZES, st.floats(0, 1), st.integers(1, 4)),
    st.builds(OneHot, _SIZES, st.integers(-9, 9)),
    st.builds(FreeParameter, _SIZES, _NUMBERS),
    st.just(Cast()),
)
_CHAINS = st.lists(_RECORDS, max_size=4).map(lambda records: Chain(tuple(records)))
_DIMS = st.lists(_SIZES, max_size=3).map(tuple)
_BRANCHES = st.recursive(
    _CHAINS,
    lambda nets: st.dictionaries(st.text(min_size=1), st.tuples(nets, _DIMS), min_size=1, max_size=3).map(Branches.of),
    max_leaves=6,
).filter(lambda plan: isinstance(plan, Branches))
_ENCODERS = st.one_of(_CHAINS, st.builds(Fusion, _BRANCHES, _CHAINS)).map(Encoder)
_PLANS = st.one_of(
    _RECORDS,
    _ENCODERS,
    _ENCODERS.map(lambda net: ActorCritic(shared=net)),
    st.tuples(_ENCODERS, _ENCODERS).map(lambda nets: ActorCritic(actor=nets[0], critic=nets[1])),
)


@given(_PLANS)
@settings(max_examples=80)
def test_any_plan_comes_back_equal_from_strict_json(plan: Plan):
    text = json.dumps(to_json(plan), allow_nan=False)
    assert from_json(json.loads(text), _TYPES) == plan


def test_a_field_that_a_record_gained_is_written_only_where_it_says_something():
    assert "axes" not in to_json(LayerNorm(4))
    assert to_json(LayerNorm(4, axes=3))["axes"] == 3
    assert from_json({"type": "LayerNorm", "size": 4, "eps": 0.1}, _TYPES) == LayerNorm(4, 0.1, axes=1)
    old = {"type": "Dense", "inputs": 4, "outputs": 8, "bias": True, "gain": 1.0}
    assert from_json(old, _TYPES) == Dense(4, 8, gain=1.0, initializer="orthogonal")
    assert to_json(from_json(old, _TYPES)) == old


def test_every_field_is_written_so_that_a_later_default_changes_nothing():
    assert to_json(Dense(4, 8)) == {"type": "Dense", "inputs": 4, "outputs": 8, "bias": True, "gain": 2**0.5}


def test_numpy_sizes_are_written_as_plain_numbers():
    text = json.dumps(to_json(Chain((Dense(np.int64(4), np.int32(8)),))))
    assert from_json(json.loads(text), _TYPES) == Chain((Dense(4, 8),))


@pytest.mark.parametrize("name", ["Conv9D", "os.system", None, ["Dense"]])
def test_a_record_that_this_version_does_not_know_is_refused(name: Any):
    data = {"type": "Chain", "records": [{"type": name, "inputs": 4}]}
    with pytest.raises(CheckpointError, match=r"this version.*Dense.*newer one") as caught:
        from_json(data, _TYPES)
    assert repr(name) in str(caught.value)


def test_only_the_given_types_are_built():
    with pytest.raises(CheckpointError, match=r"'Dense'.*\(known: Cast\)"):
        from_json(to_json(Dense(4, 8)), (Cast,))


@pytest.mark.parametrize(
    "data",
    [
        {"type": "Dense", "inputs": 4},
        {"type": "Dense", "inputs": 4, "outputs": 8, "colour": "red"},
        {"type": "Dense", "inputs": "4", "outputs": 8},
        {"type": "Activation", "name": "nonsense"},
        {"type": "Chain", "records": [3]},
        {"type": "Chain", "records": None},
    ],
)
def test_fields_that_do_not_fit_are_refused_with_the_record_s_name(data: dict[str, Any]):
    with pytest.raises(CheckpointError, match=data["type"]):
        from_json(data, _TYPES)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"type": "Dense", "inputs": 4, "outputs": 8, "gain": "x"}, "float in the field 'Dense.gain', got 'x'"),
        ({"type": "Dense", "inputs": 4, "outputs": 8, "gain": 10**400}, "float in the field 'Dense.gain'"),
        ({"type": "Dense", "inputs": 4, "outputs": 8, "gain": True}, "float in the field 'Dense.gain', got True"),
        ({"type": "Dense", "inputs": 4, "outputs": 8, "bias": "no"}, "bool in the field 'Dense.bias', got 'no'"),
        ({"type": "Dense", "inputs": True, "outputs": 8}, "int in the field 'Dense.inputs', got True"),
        ({"type": "Encoder", "net": {"type": "Chain", "records": ["x"]}}, "the field 'Encoder.net:Chain.records'"),
        ({"type": "Encoder", "net": 3}, "Plan in the field 'Encoder.net', got 3"),
    ],
)
def test_a_field_of_another_type_is_named_by_its_place(data: dict[str, Any], field: str):
    with pytest.raises(CheckpointError) as caught:
        from_json(data, _TYPES)
    assert field in str(caught.value)


def test_a_whole_number_will_do_where_the_record_has_a_real_one():
    assert from_json({"type": "LayerNorm", "size": 2, "eps": 1}, _TYPES) == LayerNorm(2, 1.0)


def test_a_plan_nested_without_end_is_refused():
    data: dict[str, Any] = {"type": "Cast"}
    for _ in range(400):
        data = {"type": "Encoder", "net": data}
    with pytest.raises(CheckpointError, match="nested more than 200 levels deep"):
        from_json(data, _TYPES)
