from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlmodule_core import ConfigError, get_backend
from rlmodule_core.plans import Branches, Chain, Concat, Dense, Encoder, Flatten, Fusion, multiply_adds, weight_shapes

INNER = Branches.of({"b.c": (Chain((Dense(2, 3),)), (2,)), "d": (Chain((Flatten(0),)), ())})
OUTER = Branches.of({"z": (INNER, ()), "a": (Chain((Dense(4, 2),)), (4,))})
PLAN = Encoder(Fusion(OUTER, Chain((Concat(), Dense(6, 5)))))


def _obs(rows: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shapes = {"a": (4,), "b.c": (2,), "d": ()}
    a, bc, d = (rng.normal(size=(rows, *shape)).astype(np.float32) for shape in shapes.values())
    return {"a": a, "z": {"b.c": bc, "d": d}}


def test_vectors_are_joined_in_the_order_of_the_branches():
    backend = get_backend("numpy")
    network, obs = backend.lower(PLAN), _obs(7)
    weights = backend.get_weights(network)
    first = obs["z"]["b.c"] @ weights["inputs.z.b%2Ec.0.weight"].T
    joined = np.concatenate([first, obs["z"]["d"][:, None], obs["a"] @ weights["inputs.a.0.weight"].T], axis=1)
    expected = joined @ weights["fusion.1.weight"].T
    np.testing.assert_allclose(network({"obs": obs})["encoder_out"], expected, atol=1e-6)


def test_weights_are_named_by_their_keys():
    assert weight_shapes(PLAN) == {
        "inputs.z.b%2Ec.0.weight": (3, 2),
        "inputs.z.b%2Ec.0.bias": (3,),
        "inputs.a.0.weight": (2, 4),
        "inputs.a.0.bias": (2,),
        "fusion.1.weight": (5, 6),
        "fusion.1.bias": (5,),
    }


def test_sizes_and_costs_are_folded_from_the_branches_whatever_the_row_of_a_nested_observation():
    for row in ((), None):
        assert PLAN.output_dims(row) == (5,)
        assert multiply_adds(PLAN, row) == 2 * 3 + 4 * 2 + 6 * 5


def test_a_plan_is_printed_as_a_tree():
    assert str(PLAN).splitlines() == [
        "inputs:",
        "  z:",
        "    b.c:",
        "      Dense(2, 3)",
        "    d:",
        "      Flatten(0)",
        "  a:",
        "    Dense(4, 2)",
        "fusion:",
        "  Concat()",
        "  Dense(6, 5)",
    ]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Branches.of({}), "one key at least; got 0 keys"),
        (lambda: Branches(("a", "b"), (Chain(()),), ((),)), "got 2 keys, 1 networks and 1 shapes"),
        (lambda: Branches(("a", "a"), (Chain(()),) * 2, ((2,),) * 2), "must be different texts"),
        (lambda: Branches.of({"": (Chain(()), (2,))}), "none of them empty"),
        (lambda: Branches.of({"a": (Encoder(Chain(())), (2,))}), "'a' must be a Chain or Branches, got Encoder"),
        (lambda: Branches.of({"a": (Chain(()), (2, 2))}).output_dims(()), r"'a' must yield vectors, got.*\(2, 2\)"),
    ],
)
def test_branches_that_mean_nothing_are_refused(make: Any, expected: str):
    with pytest.raises(ConfigError, match=expected):
        make()
