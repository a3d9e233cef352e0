from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_core import (
    Bernoulli,
    Categorical,
    CheckpointError,
    ConfigError,
    DiagGaussian,
    JointDistribution,
    MultiDistribution,
    Ops,
    SpecCheckingError,
    UnsupportedSpaceError,
    distribution_for,
    to_env_actions,
)
from rlmodule_core.distributions import DESCRIPTORS
from rlmodule_core.plans import from_json, to_json
from rlmodule_core.spaces import row_of

S = gym.spaces

_LEAVES = st.one_of(
    st.builds(S.Discrete, st.integers(1, 4), start=st.integers(-3, 3)),
    st.builds(S.MultiDiscrete, st.lists(st.integers(1, 4), min_size=1, max_size=3)),
    st.builds(S.MultiBinary, st.one_of(st.integers(1, 3), st.lists(st.integers(1, 2), min_size=2, max_size=2))),
    st.builds(lambda shape: S.Box(-2.0, 3.0, tuple(shape)), st.lists(st.integers(1, 2), max_size=3)),
    st.just(S.Box(0.0, np.inf, (2,))),
)
_NESTED = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(S.Dict, st.dictionaries(st.text("ab.%", min_size=1, max_size=2), inner, min_size=1, max_size=3)),
        st.builds(S.Tuple, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=6,
)


def _logits(width: int, seed: int = 0, rows: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


@given(_NESTED, st.integers(0, 2**32))
@settings(max_examples=80)
def test_every_space_of_any_depth_gets_actions_of_its_own(ops: Ops, make_rng: Any, space: Any, seed: int):
    descriptor = distribution_for(space)
    assert descriptor.fits(space)
    assert from_json(to_json(descriptor), DESCRIPTORS) == descriptor
    assert descriptor.bind(ops).required_input_dim(space) == descriptor.input_dim
    dist = descriptor.bind(ops).from_logits(_logits(descriptor.input_dim, seed))
    drawn, logp = dist.sample_and_logp(rng=make_rng(seed))
    np.testing.assert_allclose(logp, dist.logp(drawn), atol=1e-5)
    assert logp.shape == dist.entropy().shape == dist.kl(dist).shape == (5,)
    for actions in (drawn, dist.to_deterministic().sample()):
        given = to_env_actions(descriptor, space, actions)
        assert all(space.contains(_as_arrays(row_of(given, row))) for row in range(5))


def _as_arrays(action: Any) -> Any:
    if isinstance(action, dict):
        return {key: _as_arrays(part) for key, part in action.items()}
    return tuple(map(_as_arrays, action)) if isinstance(action, tuple) else np.asarray(action)


_TREE = {"aim": DiagGaussian(2), "go": (Categorical(3, start=1), {"on": Bernoulli(2)})}


def test_it_is_the_sum_of_its_parts(ops: Ops, make_rng: Any):
    one, other = _logits(9), _logits(9, seed=1)
    cls = MultiDistribution.of(_TREE).bind(ops)
    joint, second = cls.from_logits(one), cls.from_logits(other)
    cuts = {"aim": (DiagGaussian(2), 0, 4), "go": (Categorical(3, start=1), 4, 7), "on": (Bernoulli(2), 7, 9)}
    parts, seconds = (
        {key: part.bind(ops).from_logits(x[:, first:last]) for key, (part, first, last) in cuts.items()}
        for x in (one, other)
    )
    drawn = joint.sample(rng=make_rng(0))
    by_part = {"aim": drawn["aim"], "go": drawn["go"]["0"], "on": drawn["go"]["1"]["on"]}
    np.testing.assert_allclose(joint.logp(drawn), sum(parts[key].logp(by_part[key]) for key in cuts), rtol=1e-5)
    np.testing.assert_allclose(joint.entropy(), sum(part.entropy() for part in parts.values()), rtol=1e-5)
    np.testing.assert_allclose(joint.kl(second), sum(parts[key].kl(seconds[key]) for key in cuts), rtol=1e-5)
    certain = joint.to_deterministic()
    np.testing.assert_array_equal(certain.sample()["aim"], one[:, :2])
    np.testing.assert_array_equal(certain.logp(certain.sample()), np.zeros(5))


def test_tuples_are_taken_as_actions_too(ops: Ops, make_rng: Any):
    dist = MultiDistribution.of(_TREE).bind(ops).from_logits(_logits(9))
    drawn = dist.sample(rng=make_rng(0))
    pair = {"aim": drawn["aim"], "go": (drawn["go"]["0"], drawn["go"]["1"])}
    np.testing.assert_array_equal(dist.logp(pair), dist.logp(drawn))


def test_actions_with_other_parts_are_refused(ops: Ops):
    dist = MultiDistribution.of(_TREE).bind(ops).from_logits(_logits(9))
    with pytest.raises(SpecCheckingError, match="Expected actions with the parts aim, go, got aim"):
        dist.logp({"aim": np.zeros((5, 2), np.float32)})


def test_draws_flow_only_where_every_part_is_of_real_numbers(ops: Ops, make_rng: Any):
    real = MultiDistribution.of((DiagGaussian(1), DiagGaussian((1, 1)))).bind(ops).from_logits(_logits(4))
    np.testing.assert_array_equal(real.rsample(rng=make_rng(0))["1"], real.sample(rng=make_rng(0))["1"])
    with pytest.raises(TypeError, match="no reparameterised samples"):
        MultiDistribution.of(_TREE).bind(ops).from_logits(_logits(9)).rsample()


def test_a_part_is_found_by_its_key():
    described = MultiDistribution.of(_TREE)
    assert described.part("aim") == DiagGaussian(2)
    assert described.part("elsewhere") is None


@pytest.mark.parametrize(("keys", "children"), [((), ()), (("a", "a"), (Bernoulli(1),) * 2), (("a",), ())])
def test_parts_that_do_not_belong_together_are_refused(keys: Any, children: Any):
    with pytest.raises(ConfigError, match="MultiDistribution needs at least one part"):
        MultiDistribution(keys, children)


def test_a_stored_part_must_be_a_descriptor():
    with pytest.raises(CheckpointError, match=r"MultiDistribution\.children"):
        from_json({"type": "MultiDistribution", "keys": ["a"], "children": [3]}, DESCRIPTORS)


def test_without_its_parts_it_says_how_to_bind_them():
    with pytest.raises(ConfigError, match=r"MultiDistribution\.of\(tree\)\.bind"):
        JointDistribution.from_logits(_logits(3))
    with pytest.raises(UnsupportedSpaceError, match="Dict or Tuple"):
        JointDistribution.required_input_dim(S.Discrete(2))
