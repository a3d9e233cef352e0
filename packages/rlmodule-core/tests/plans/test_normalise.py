"""The record that normalises by statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlmodule_core import ConfigError, get_backend
from rlmodule_core.plans import Chain, Dense, Normalise, from_json, multiply_adds, to_json, walk_records

NUMPY = get_backend("numpy")


def lowered(record: Normalise, **statistics: Any) -> Any:
    network = NUMPY.lower(Chain((record,)))
    given = {f"0.{leaf}": np.asarray(value, np.float32) for leaf, value in statistics.items()}
    NUMPY.set_weights(network, {**NUMPY.get_weights(network), **given})
    return network


def test_what_has_seen_nothing_changes_nothing_but_what_is_beyond_the_clip():
    rows = np.array([[0.1, -9.99, 3e4], [-1e-7, 10.0, -11.0]], np.float32)
    network = lowered(Normalise(3))
    np.testing.assert_array_equal(network(rows), np.clip(rows, -10.0, 10.0), strict=True)


def test_statistics_shift_and_scale_each_entry_of_the_last_axis():
    network = lowered(Normalise(2, eps=1.0, clip=2.0), mean=[1.0, -2.0], variance=[3.0, 8.0], count=5.0)
    rows = np.array([[[3.0, -2.0], [1.0, 1.0]], [[99.0, -99.0], [0.0, -5.0]]], np.float32)
    expected = [[[1.0, 0.0], [0.0, 1.0]], [[2.0, -2.0], [-0.5, -1.0]]]
    np.testing.assert_allclose(network(rows), expected, rtol=1e-6)
    assert network(rows).dtype == np.float32


def test_an_entry_that_never_varied_stays_finite():
    network = lowered(Normalise(1), mean=[1e6], variance=[0.0], count=3.0)
    assert network(np.array([[1e6], [1e6 + 1], [-3e30]], np.float32)).tolist() == [[0.0], [10.0], [-10.0]]


def test_inputs_are_left_as_they_were():
    rows = np.array([[20.0, 1.0]], np.float32)
    lowered(Normalise(2), mean=[1.0, 1.0])(rows)
    assert rows.tolist() == [[20.0, 1.0]]


def test_none_of_its_weights_is_trained_and_all_of_a_dense_layers_are():
    assert Normalise(2).untrained_leaves() == {"mean", "variance", "count"} == set(Normalise(2).weight_shapes())
    assert Dense(2, 2).untrained_leaves() == frozenset()
    network = NUMPY.lower(Chain((Normalise(2), Dense(2, 2))))
    assert NUMPY.untrained_weights(network) == {"0.mean", "0.variance", "0.count"}


def test_it_is_stored_and_costs_no_multiply_adds():
    plan = Chain((Normalise(2), Normalise(2, eps=0.5, clip=3.0)))
    types = (Chain, *{type(record) for _, record in walk_records(plan)})
    assert from_json(to_json(plan), types) == plan
    assert repr(plan) == "Normalise(2)\nNormalise(2, eps=0.5, clip=3.0)"
    assert multiply_adds(plan, (2,)) == 0


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"size": 0}, "size"),
        ({"eps": 0.0}, r"eps must be a small number above 0"),
        ({"eps": float("nan")}, "eps"),
        ({"clip": 0.0}, r"clip must be a positive number"),
        ({"clip": float("inf")}, "clip"),
        ({"eps": None}, r"eps must be a small number above 0 such as 1e-8, got None"),
        ({"clip": "x"}, r"clip must be a positive number such as 10.0, got 'x'"),
    ],
)
def test_illegal_fields_are_named(fields: dict[str, Any], named: str):
    with pytest.raises(ConfigError, match=named):
        Normalise(**{"size": 2, **fields})


@pytest.mark.parametrize("row", [(), (3,), (2, 3)])
def test_rows_of_another_width_are_refused(row: tuple[int, ...]):
    with pytest.raises(ConfigError, match=r"Normalise\(2\) expects rows whose last axis is 2 wide"):
        Normalise(2).output_dims(row)
