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
    Cast,
    Chain,
    Dense,
    Encoder,
    FreeParameter,
    LayerNorm,
    OneHot,
    Plan,
    from_json,
    to_json,
)
from rlmodule_core.plans.records import ACTIVATIONS

_TYPES = (*RECORDS, *COMPOSITES)
_SIZES = st.integers(1, 300)
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
_RECORDS = st.one_of(
    st.builds(Dense, _SIZES, _SIZES, st.booleans(), _NUMBERS),
    st.builds(Activation, st.sampled_from(ACTIVATIONS)),
    st.builds(LayerNorm, _SIZES, _NUMBERS),
    st.builds(OneHot, _SIZES, st.integers(-9, 9)),
    st.builds(FreeParameter, _SIZES, _NUMBERS),
    st.just(Cast()),
)
_ENCODERS = st.lists(_RECORDS, max_size=4).map(lambda records: Encoder(Chain(tuple(records))))
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
    with pytest.raises(CheckpointError, match=f"A stored {data['type']} has fields that do not fit"):
        from_json(data, _TYPES)
