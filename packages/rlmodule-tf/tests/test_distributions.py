from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

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
from rlmodule_tf import TfBernoulli, TfCategorical, TfDiagGaussian, TfSquashedGaussian

_TF = get_backend("tf2")
_DESCRIPTORS = (
    Categorical(4),
    DiagGaussian((2, 2)),
    MultiCategorical((2, 3, 3)),
    Bernoulli((2, 2)),
    SquashedGaussian((-2.0, 0.0), (6.0, 0.5)),
    MultiDistribution.of({"a": (DiagGaussian(1), Categorical(3)), "b": SquashedGaussian((0.0,), (1.0,))}),
)


def _extremes(width: int, scale: float) -> Any:
    signs = np.random.default_rng(0).choice([-1, 0, 1], size=(60, width))
    return tf.constant((signs * scale).astype(np.float32))


@pytest.mark.parametrize("descriptor", _DESCRIPTORS, ids=lambda descriptor: type(descriptor).__name__)
@pytest.mark.parametrize("scale", [1.0, 50.0, 1e4, 1e9])
def test_gradients_stay_finite_at_extremes(descriptor: Descriptor, scale: float):
    inputs, cls = _extremes(descriptor.input_dim, scale), descriptor.bind(_TF.ops)
    other: Any = cls.from_logits(tf.reverse(inputs, [0]))
    actions = other.sample(rng=_TF.rng(0))
    measures = {
        "logp": lambda dist: dist.logp(actions),
        "entropy": lambda dist: dist.entropy(),
        "kl": lambda dist: dist.kl(other),
        "kl by the second": lambda dist: other.kl(dist),
    }
    for name, measure in measures.items():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            result = measure(cls.from_logits(inputs))
        assert np.isfinite(result).all(), name
        assert np.isfinite(tape.gradient(result, inputs)).all(), name


def test_by_hand_switches_and_squashed_numbers_need_their_inputs_alone():
    odds = tf.constant([[-3.0, 3.0]])
    assert TfBernoulli.from_logits(odds).to_deterministic().sample().numpy().tolist() == [[0, 1]]
    squashed = TfSquashedGaussian.from_logits(tf.constant([[0.0, 9.0, -1.0, -1.0]]))
    assert squashed.to_deterministic().sample().numpy().tolist() == [[0.0, pytest.approx(1.0)]]
    assert (np.abs(squashed.sample(rng=_TF.rng(0))) <= 1).all()


@pytest.mark.parametrize("dist_cls", [TfCategorical, TfDiagGaussian, TfSquashedGaussian, TfBernoulli])
def test_one_graph_measures_batches_of_any_size(dist_cls: Any):
    traces = []

    @tf.function(input_signature=[tf.TensorSpec((None, 4))] * 2)
    def measured(inputs: Any, others: Any) -> Any:
        traces.append(1)
        dist, other = dist_cls.from_logits(inputs), dist_cls.from_logits(others)
        return dist.logp(other.to_deterministic().sample()), dist.entropy(), dist.kl(other)

    rng = np.random.default_rng(0)
    for rows in (3, 1, 5):
        inputs, others = (tf.constant(rng.normal(size=(rows, 4)).astype(np.float32)) for _ in range(2))
        dist, other = dist_cls.from_logits(inputs), dist_cls.from_logits(others)
        expected = dist.logp(other.to_deterministic().sample()), dist.entropy(), dist.kl(other)
        for found, wanted in zip(measured(inputs, others), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert len(traces) == 1


def test_joint_actions_of_sequences_of_unknown_length_are_measured_in_a_graph():
    cls = MultiCategorical((2, 3, 3)).bind(_TF.ops)
    logits = np.random.default_rng(0).normal(size=(2, 5, 8)).astype(np.float32)
    actions = tf.constant(np.random.default_rng(1).integers(0, 2, size=(2, 5, 3)))
    signature = [tf.TensorSpec((None, None, 8)), tf.TensorSpec((None, None, 3), tf.int64)]
    measure = tf.function(lambda inputs, given: cls.from_logits(inputs).logp(given), input_signature=signature)
    found = measure(tf.constant(logits), actions)
    np.testing.assert_allclose(found, cls.from_logits(tf.constant(logits)).logp(actions), rtol=1e-6)
