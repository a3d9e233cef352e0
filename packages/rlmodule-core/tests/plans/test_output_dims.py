from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_core import ConfigError, get_backend
from rlmodule_core.plans import Activation, ActorCritic, Cast, Chain, Dense, Encoder, FreeParameter, LayerNorm, OneHot


@st.composite
def chains(draw: st.DrawFn) -> tuple[Chain, tuple[int, ...]]:
    width = draw(st.integers(1, 5))
    leading = draw(st.lists(st.integers(1, 3), max_size=2))
    records: list[Any] = []
    first = (*leading, width)
    for kind in draw(st.lists(st.sampled_from(["dense", "norm", "free", "act", "cast"]), max_size=6)):
        size = draw(st.integers(1, 5))
        records.append(
            {
                "dense": Dense(width, size),
                "norm": LayerNorm(width),
                "free": FreeParameter(size),
                "act": Activation("tanh"),
                "cast": Cast(),
            }[kind]
        )
        width = {"dense": size, "free": width + size}.get(kind, width)
    return Chain(tuple(records)), first


@given(chains(), st.integers(1, 4))
@settings(max_examples=60)
def test_the_folded_size_is_that_of_the_network_s_output(case: tuple[Chain, tuple[int, ...]], batch: int):
    plan, row = case
    output = get_backend("numpy").lower(plan)(np.ones((batch, *row), np.float32))
    assert output.shape == (batch, *plan.output_dims(row))


def test_integers_become_vectors():
    assert Chain((OneHot(5), Dense(5, 2))).output_dims(()) == (2,)
    assert OneHot(5).output_dims((3,)) == (3, 5)


def test_composites_answer_with_their_encoders_size():
    net = Encoder(Chain((Dense(4, 8),)))
    assert ActorCritic(shared=net).output_dims((4,)) == (8,)
    assert ActorCritic(actor=net, critic=net).output_dims((4,)) == (8,)


@pytest.mark.parametrize(
    ("plan", "row", "expected"),
    [
        (Chain((Dense(4, 8), Dense(9, 2))), (4,), r"Dense\(9, 2\) expects rows whose last axis is 9 wide.*\(8,\)"),
        (Dense(4, 8), (), r"Dense\(4, 8\).*shape \(\)"),
        (Chain((LayerNorm(3),)), (4,), r"LayerNorm\(3\).*last axis is 3 wide.*\(4,\)"),
    ],
)
def test_sizes_that_do_not_meet_are_named(plan: Any, row: tuple[int, ...], expected: str):
    with pytest.raises(ConfigError, match=expected):
        plan.output_dims(row)


@pytest.mark.parametrize("size", [0, -1, 2.0, "8", None, True])
@pytest.mark.parametrize("make", [lambda n: Dense(4, n), LayerNorm, OneHot, FreeParameter])
def test_a_size_must_be_a_positive_integer(make: Any, size: Any):
    with pytest.raises(ConfigError, match=rf"must be a positive integer, got {size!r}"):
        make(size)


def test_a_chain_holds_records_only():
    with pytest.raises(ConfigError, match=r"Chain\.records must hold records"):
        Chain((Dense(4, 8), "relu"))


@pytest.mark.parametrize(
    "given_parts", [(), ("actor",), ("critic",), ("shared", "actor"), ("shared", "actor", "critic")]
)
def test_an_actor_critic_has_one_encoder_or_two(given_parts: tuple[str, ...]):
    net = Encoder(Chain((Dense(4, 8),)))
    with pytest.raises(ConfigError, match="either `shared` alone or both"):
        ActorCritic(**dict.fromkeys(given_parts, net))
