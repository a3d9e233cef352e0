"""Distributions give the same numbers in every framework."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from parity_families import OTHERS

from rlmodule_core import (
    Bernoulli,
    Categorical,
    Descriptor,
    DiagGaussian,
    MultiCategorical,
    MultiDistribution,
    SquashedGaussian,
    get_backend,
)
from rlmodule_core.testing.compare import leaves, require_close

_SEEDS = st.integers(0, 2**32)
_SHAPES = st.one_of(st.integers(1, 5), st.lists(st.integers(1, 3), max_size=3).map(tuple))
_BOUNDS = st.lists(st.tuples(st.floats(-9, -1), st.floats(0, 9)), min_size=1, max_size=3)
_PARTS = st.one_of(
    st.builds(Categorical, st.integers(1, 8), st.integers(-3, 3)),
    st.builds(DiagGaussian, _SHAPES),
    st.builds(Bernoulli, _SHAPES),
    st.builds(MultiCategorical, st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)),
    st.builds(lambda bounds: SquashedGaussian(*zip(*bounds, strict=True)), _BOUNDS),
)
_DESCRIPTORS = st.one_of(_PARTS, st.builds(MultiDistribution.of, st.lists(_PARTS, min_size=1, max_size=3)))


@given(_DESCRIPTORS, _SEEDS, st.sampled_from([0.1, 1.0, 5.0]))
@settings(max_examples=60)
def test_distributions_compute_the_same(descriptor: Descriptor, seed: int, spread: float) -> None:
    rng, numpy = np.random.default_rng(seed), get_backend("numpy")
    inputs = [rng.normal(scale=spread, size=(7, descriptor.input_dim)).astype(np.float32) for _ in range(2)]
    actions = descriptor.bind(numpy.ops).from_logits(inputs[0]).sample(rng=numpy.rng(seed))
    expected = _computed("numpy", descriptor, inputs, actions)
    for framework in OTHERS:
        found = _computed(framework, descriptor, inputs, actions)
        assert found.keys() == expected.keys()
        for path, array in expected.items():
            require_close(found[path], array, f"{path} of {descriptor} in {framework}")


def _computed(framework: str, descriptor: Descriptor, inputs: list[Any], actions: Any) -> dict[str, Any]:
    backend = get_backend(framework)
    cls = descriptor.bind(backend.ops)
    dist, other = (cls.from_logits(backend.batch(None, each)) for each in inputs)
    numbers = {
        "logp": dist.logp(backend.batch(None, actions)),
        "entropy": dist.entropy(),
        "kl": dist.kl(other),
        "mode": dist.to_deterministic().sample(),
    }
    return dict(leaves(backend.to_numpy(numbers), "dist"))
