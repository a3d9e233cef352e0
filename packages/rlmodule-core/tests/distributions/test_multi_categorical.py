from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_core import (
    Categorical,
    CheckpointError,
    ConfigError,
    MultiCategorical,
    MultiCategoricalDistribution,
    Ops,
    UnsupportedSpaceError,
)
from rlmodule_core.distributions import DESCRIPTORS
from rlmodule_core.plans import from_json

_SIZES = st.lists(st.tuples(st.integers(1, 4), st.integers(-3, 3)), min_size=1, max_size=5)


def _logits(width: int, seed: int, leading: tuple[int, ...] = (6,)) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=2, size=(*leading, width)).astype(np.float32)


@given(_SIZES, st.integers(0, 2**32))
@settings(max_examples=40)
def test_it_is_the_sum_of_its_choices(ops: Ops, make_rng: Any, choices: Sequence[tuple[int, int]], seed: int):
    sizes, starts = zip(*choices, strict=True)
    cls = MultiCategorical(sizes, starts).bind(ops)
    one, other = _logits(sum(sizes), seed), _logits(sum(sizes), seed + 1)
    joint, second = cls.from_logits(one), cls.from_logits(other)
    cuts = np.cumsum(sizes)[:-1]
    singles, seconds = (
        [
            Categorical(*choice).bind(ops).from_logits(piece)
            for choice, piece in zip(choices, np.split(x, cuts, axis=-1), strict=True)
        ]
        for x in (one, other)
    )
    drawn = joint.sample(rng=make_rng(seed))
    columns = list(zip(singles, drawn.T, strict=True))
    np.testing.assert_allclose(joint.logp(drawn), sum(single.logp(column) for single, column in columns), atol=1e-5)
    np.testing.assert_allclose(joint.entropy(), sum(single.entropy() for single in singles), atol=1e-5)
    pairs = list(zip(singles, seconds, strict=True))
    np.testing.assert_allclose(joint.kl(second), sum(single.kl(another) for single, another in pairs), atol=1e-4)
    greedy = np.stack([single.to_deterministic().sample() for single in singles], axis=-1)
    np.testing.assert_array_equal(joint.to_deterministic().sample(), greedy)


def test_probabilities_of_all_actions_sum_to_one(ops: Ops):
    dist = MultiCategorical((2, 3, 3), (0, 5, -1)).bind(ops).from_logits(np.tile(_logits(8, 0, (1,)), (18, 1)))
    every = np.array([(a, b, c) for a in range(2) for b in range(5, 8) for c in range(-1, 2)])
    assert np.exp(dist.logp(every)).sum() == pytest.approx(1, abs=1e-5)


def test_actions_have_the_shape_of_the_space_in_c_order(ops: Ops, make_rng: Any):
    space = gym.spaces.MultiDiscrete(np.array([[2, 3, 4], [5, 1, 2]]), start=np.array([[0, -9, 1], [7, 3, 0]]))
    descriptor = MultiCategorical.for_space(space)
    dist = descriptor.bind(ops).from_logits(_logits(descriptor.input_dim, 0, (4, 3)))
    drawn, logp = dist.sample_and_logp(rng=make_rng(0))
    assert drawn.shape == (4, 3, 2, 3)
    assert logp.shape == dist.entropy().shape == (4, 3)
    assert all(space.contains(action) for action in drawn.reshape(-1, 2, 3))
    flat = MultiCategorical(descriptor.nvec, descriptor.start).bind(ops)
    same = flat.from_logits(_logits(descriptor.input_dim, 0, (4, 3)))
    np.testing.assert_array_equal(same.sample(rng=make_rng(0)).reshape(drawn.shape), drawn)


def test_a_masked_action_is_never_drawn_and_everything_stays_finite(ops: Ops, make_rng: Any):
    logits = np.tile(np.float32([0, -1e9, 1, -1e9, -1e9, 2, 0]), (5_000, 1))
    cls = MultiCategorical((3, 4)).bind(ops)
    masked, open_ = cls.from_logits(logits), cls.from_logits(np.zeros_like(logits))
    drawn = masked.sample(rng=make_rng(0))
    assert [set(column.tolist()) for column in drawn.T] == [{0, 2}, {2, 3}]
    assert not np.exp(masked.logp(np.ones_like(drawn))).any()
    results = (masked.logp(np.ones_like(drawn)), masked.entropy(), masked.kl(open_), open_.kl(masked))
    assert all(np.isfinite(result).all() for result in results)


def test_neighbours_of_one_size_are_computed_at_once():
    assert [count for _, count in MultiCategorical((3,) * 20).blocks] == [20]
    assert [count for _, count in MultiCategorical((3, 3, 2, 3), (0, 0, 0, 1)).blocks] == [2, 1, 1]


def test_its_width_is_the_sum_of_the_choices():
    assert MultiCategorical((2, 3)).input_dim == 5
    assert MultiCategoricalDistribution.required_input_dim(gym.spaces.MultiDiscrete(np.array([[2, 3], [4, 5]]))) == 14
    with pytest.raises(UnsupportedSpaceError, match="MultiDiscrete"):
        MultiCategoricalDistribution.required_input_dim(gym.spaces.Discrete(3))


@pytest.mark.parametrize(
    "fields",
    [{"nvec": ()}, {"nvec": (2, 0)}, {"nvec": (2, 3), "start": (1,)}, {"nvec": (2, 3), "shape": (3, 1)}],
    ids=str,
)
def test_choices_that_do_not_belong_together_are_refused(fields: dict[str, Any]):
    with pytest.raises(ConfigError, match="MultiCategorical"):
        MultiCategorical(**fields)
    with pytest.raises(CheckpointError, match="MultiCategorical"):
        from_json({"type": "MultiCategorical"} | {key: list(value) for key, value in fields.items()}, DESCRIPTORS)


def test_without_its_choices_it_says_how_to_bind_them():
    with pytest.raises(ConfigError, match=r"MultiCategorical\(\(2, 3\)\)\.bind"):
        MultiCategoricalDistribution.from_logits(np.zeros((1, 5), np.float32))
