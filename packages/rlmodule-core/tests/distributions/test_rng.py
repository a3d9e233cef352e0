from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from rlmodule_core import Bernoulli, Categorical, DiagGaussian, Distribution, MultiCategorical, Ops


@pytest.fixture(
    params=[Categorical(6), DiagGaussian(3), MultiCategorical((2, 4)), Bernoulli(6)],
    ids=lambda descriptor: type(descriptor).__name__,
)
def dist(request: Any, ops: Ops) -> Distribution:
    return request.param.bind(ops).from_logits(np.random.default_rng(0).normal(size=(32, 6)).astype(np.float32))


def test_equal_seeds_draw_equal_actions(dist: Distribution, make_rng: Any):
    np.testing.assert_array_equal(dist.sample(rng=make_rng(4)), dist.sample(rng=make_rng(4)))
    assert not np.array_equal(dist.sample(rng=make_rng(4)), dist.sample(rng=make_rng(5)))


def test_one_generator_draws_anew_each_time(dist: Distribution, make_rng: Any):
    rng = make_rng(4)
    assert not np.array_equal(dist.sample(rng=rng), dist.sample(rng=rng))


def test_a_state_goes_through_json_and_on_from_there(dist: Distribution, make_rng: Any):
    rng = make_rng(4)
    dist.sample(rng=rng)
    text = json.dumps(rng.get_state(), allow_nan=False)
    expected = [dist.sample(rng=rng) for _ in range(3)]
    resumed = make_rng(99)
    resumed.set_state(json.loads(text))
    np.testing.assert_array_equal([dist.sample(rng=resumed) for _ in range(3)], expected)


def test_a_state_is_a_snapshot(make_rng: Any, dist: Distribution):
    rng = make_rng(4)
    state = rng.get_state()
    first = dist.sample(rng=rng)
    rng.set_state(state)
    np.testing.assert_array_equal(dist.sample(rng=rng), first)


def test_drawing_without_a_generator_leaves_numpy_s_global_one_alone(dist: Distribution):
    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    first, second = dist.sample(), dist.sample()
    assert np.random.get_state()[1].tolist() == before
    assert not np.array_equal(first, second)
    np.random.seed(0)
    assert not np.array_equal(dist.sample(), first), "the global seed must not decide"


def test_a_generator_of_another_backend_is_refused(dist: Distribution):
    with pytest.raises(TypeError, match=r"get_backend\('numpy'\)\.rng\(seed\), got object"):
        dist.sample(rng=object())


def test_generators_without_a_seed_differ(dist: Distribution, make_rng: Any):
    assert not np.array_equal(dist.sample(rng=make_rng(None)), dist.sample(rng=make_rng(None)))
