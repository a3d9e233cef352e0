from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_core import get_backend, masked_inputs
from rlmodule_core.distributions import (
    Bernoulli,
    Categorical,
    Descriptor,
    DiagGaussian,
    MultiCategorical,
    MultiDistribution,
    mask_shapes,
    without_legal_action,
)

OPS = get_backend("numpy").ops
LEAVES = (Categorical(4), Categorical(3, start=-2), MultiCategorical((2, 3, 3)), Bernoulli(3), Bernoulli((2, 1)))
TREE = MultiDistribution.of({"go": Categorical(3), "aim": DiagGaussian(2), "deep": (DiagGaussian(1), Bernoulli(2))})
ALL = (*LEAVES, TREE)
ROWS = 5


def ones(shapes: Any) -> Any:
    if isinstance(shapes, Mapping):
        return {key: ones(part) for key, part in shapes.items()}
    return np.ones((ROWS, *shapes), np.int8)


def choices(descriptor: Descriptor, mask: Any) -> list[Any]:
    """Views of the mask, one for each choice of one action among `n`: `[B, n]`."""
    if isinstance(descriptor, MultiDistribution):
        parts = zip(descriptor.keys, descriptor.children, strict=True)
        return [view for key, part in parts if key in mask for view in choices(part, mask[key])]
    if isinstance(descriptor, MultiCategorical):
        return list(np.split(mask, np.cumsum(descriptor.nvec)[:-1], axis=-1))
    flat = mask.reshape(ROWS, -1, mask.shape[-1])
    return [flat[:, choice] for choice in range(flat.shape[1])]


def random_mask(descriptor: Descriptor, rng: np.random.Generator) -> Any:
    mask = ones(mask_shapes(descriptor))
    for view in choices(descriptor, mask):
        view[:] = rng.random(view.shape) < 0.4
        view[np.arange(ROWS), rng.integers(view.shape[-1], size=ROWS)] = 1
    return mask


def is_legal(descriptor: Descriptor, actions: Any, mask: Any) -> bool:
    if isinstance(descriptor, MultiDistribution):
        parts = zip(descriptor.keys, descriptor.children, strict=True)
        return all(is_legal(part, actions[key], mask[key]) for key, part in parts if key in mask)
    start = descriptor.start if isinstance(descriptor, Categorical) else 0
    columns = np.asarray(actions - start).reshape(ROWS, -1)
    return all(view[np.arange(ROWS), columns[:, choice]].all() for choice, view in enumerate(choices(descriptor, mask)))


def drawn(descriptor: Descriptor, seed: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    inputs = rng.normal(scale=5.0, size=(ROWS, descriptor.input_dim)).astype(np.float32)
    mask = random_mask(descriptor, rng)
    return inputs, mask, descriptor.bind(OPS).from_logits(masked_inputs(OPS, descriptor, inputs, mask))


@pytest.mark.parametrize("descriptor", ALL, ids=repr)
@given(seed=st.integers(0, 2**32))
def test_sampled_and_greedy_actions_are_legal_and_everything_is_finite(descriptor: Descriptor, seed: int) -> None:
    _, mask, dist = drawn(descriptor, seed)
    actions, logp = dist.sample_and_logp(rng=get_backend("numpy").rng(seed))
    assert is_legal(descriptor, actions, mask)
    assert is_legal(descriptor, dist.to_deterministic().sample(), mask)
    assert np.isfinite(logp).all()
    assert (logp > -1e3).all()
    assert np.isfinite(dist.entropy()).all()
    other = np.random.default_rng(seed + 1).normal(size=(ROWS, descriptor.input_dim)).astype(np.float32)
    kl = dist.kl(descriptor.bind(OPS).from_logits(masked_inputs(OPS, descriptor, other, mask)))
    assert np.isfinite(kl).all()
    assert (kl > -1e-4).all()


@given(seed=st.integers(0, 2**32))
def test_illegal_actions_have_no_probability_and_legal_ones_that_of_the_rest(seed: int) -> None:
    inputs, mask, dist = drawn(LEAVES[0], seed)
    probs = np.stack([np.exp(dist.logp(np.full(ROWS, action))) for action in range(4)], axis=1)
    assert (probs[mask == 0] < 1e-30).all()
    weights = np.exp(inputs.astype(np.float64)) * mask
    np.testing.assert_allclose(probs, weights / weights.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-30)


@given(seed=st.integers(0, 2**32))
def test_a_switch_that_must_be_on_or_off_is_so_with_certainty(seed: int) -> None:
    _, mask, dist = drawn(Bernoulli(3), seed)
    for switch in range(3):
        actions = np.broadcast_to(dist.to_deterministic().sample(), (ROWS, 3)).copy()
        forced = mask[:, switch].sum(axis=-1) == 1
        actions[:, switch] = 1 - actions[:, switch]
        assert (np.exp(dist.logp(actions))[forced] < 1e-30).all()


@pytest.mark.parametrize("descriptor", ALL, ids=repr)
def test_a_mask_that_forbids_nothing_changes_no_bit(descriptor: Descriptor) -> None:
    inputs = np.random.default_rng(0).normal(size=(ROWS, descriptor.input_dim)).astype(np.float32)
    found = masked_inputs(OPS, descriptor, inputs, ones(mask_shapes(descriptor)))
    assert found.tobytes() == inputs.tobytes()
    assert found.dtype == np.float32


@pytest.mark.parametrize("descriptor", ALL, ids=repr)
@pytest.mark.parametrize("scale", [1e9, 1e30])
def test_illegal_actions_stay_impossible_where_the_logits_of_legal_ones_are_lower_still(
    descriptor: Descriptor, scale: float
) -> None:
    inputs = np.full((ROWS, descriptor.input_dim), -scale, np.float32)
    mask = random_mask(descriptor, np.random.default_rng(0))
    dist = descriptor.bind(OPS).from_logits(masked_inputs(OPS, descriptor, inputs, mask))
    for seed in range(20):
        assert is_legal(descriptor, dist.sample(rng=get_backend("numpy").rng(seed)), mask)
    assert is_legal(descriptor, dist.to_deterministic().sample(), mask)


@pytest.mark.parametrize("descriptor", ALL, ids=repr)
def test_masks_go_along_with_a_time_axis(descriptor: Descriptor) -> None:
    inputs, mask, _ = drawn(descriptor, 3)

    def timed(tree: Any) -> Any:
        return {key: timed(part) for key, part in tree.items()} if isinstance(tree, Mapping) else tree[:, None]

    found = masked_inputs(OPS, descriptor, inputs[:, None], timed(mask))
    np.testing.assert_array_equal(found[:, 0], masked_inputs(OPS, descriptor, inputs, mask))


@pytest.mark.parametrize("descriptor", ALL, ids=repr)
@given(seed=st.integers(0, 2**32))
def test_the_rows_without_a_legal_action_are_those_that_were_emptied(descriptor: Descriptor, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = random_mask(descriptor, rng)
    assert not without_legal_action(descriptor, mask).any()
    views = choices(descriptor, mask)
    views[rng.integers(len(views))][1] = 0
    assert without_legal_action(descriptor, mask).tolist() == [False, True, False, False, False]


def test_parts_without_choices_have_no_mask() -> None:
    assert mask_shapes(TREE) == {"go": (3,), "deep": {"1": (2, 2)}}
    assert mask_shapes(DiagGaussian(2)) is None
    assert mask_shapes(MultiDistribution.of((DiagGaussian(2),))) is None
