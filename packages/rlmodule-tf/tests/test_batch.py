from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import DiagGaussian, RLModuleError, compute_actions
from rlmodule_tf import TfActorCriticRLModule, TfBackend, TfCategorical, TfDeterministic

ROWS = 40


def test_read_only_and_strided_arrays_are_taken(backend: TfBackend):
    array = np.arange(12, dtype=np.float32).reshape(3, 4).T
    array.flags.writeable = False
    np.testing.assert_array_equal(backend.batch(None, array).numpy(), array)


def test_a_column_that_holds_no_numbers_is_refused(backend: TfBackend):
    with pytest.raises(RLModuleError, match=r"must hold numbers, got <U1 of shape \(2,\)"):
        backend.batch(None, np.array(["a", "b"]))


def test_tensors_of_a_dtype_that_numpy_has_not_come_out(backend: TfBackend):
    tensor = tf.constant([1.0, -2.5], tf.bfloat16)
    assert backend.to_numpy({"half": tensor})["half"].astype(np.float32).tolist() == [1.0, -2.5]


def test_the_action_rule_draws_with_the_generator_given(backend: TfBackend, module: TfActorCriticRLModule, batch: Any):
    def draw(obs: Any, seed: int) -> dict[str, Any]:
        return compute_actions(module, {"obs": obs}, explore=True, rng=backend.rng(seed))

    out = draw(batch["obs"], 3)
    np.testing.assert_array_equal(draw(batch["obs"].numpy().astype(np.float64), 3)["actions"], out["actions"])
    assert len({tuple(draw(batch["obs"], seed)["actions"].numpy()) for seed in range(9)}) > 1
    logp = np.take_along_axis(tf.nn.log_softmax(out["action_dist_inputs"]).numpy(), out["actions"].numpy()[:, None], -1)
    np.testing.assert_allclose(out["action_logp"], logp[:, 0], rtol=1e-6)


def test_normal_and_uniform_draws_are_those_of_numpy_s_generator(backend: TfBackend):
    like, ops = tf.zeros((ROWS, 2)), backend.ops
    oracle = np.random.default_rng(7)
    rng = backend.rng(7)
    np.testing.assert_array_equal(ops.random_normal(rng, like), oracle.standard_normal((ROWS, 2), np.float32))
    np.testing.assert_array_equal(ops.random_uniform(rng, like), oracle.random((ROWS, 2), np.float32))
    assert ops.random_normal(rng, tf.cast(like, tf.float64)).dtype == tf.float64


def test_categorical_draws_are_those_of_numpy_s_generator(backend: TfBackend):
    logits = np.random.default_rng(0).normal(size=(ROWS, 5)).astype(np.float32)
    clocks = np.random.default_rng(7).standard_exponential((ROWS, 5)) / np.exp(logits.astype(np.float64))
    drawn = backend.ops.random_categorical(backend.rng(7), tf.constant(logits))
    np.testing.assert_array_equal(drawn, clocks.argmin(axis=-1))


def test_a_graph_draws_what_is_drawn_without_one_and_goes_on_at_every_run(backend: TfBackend):
    dist = DiagGaussian(2).bind(backend.ops)
    inputs, traces = tf.constant(np.random.default_rng(0).normal(size=(ROWS, 4)).astype(np.float32)), []
    inside, outside = backend.rng(7), backend.rng(7)

    @tf.function
    def draw(inputs: Any) -> Any:
        traces.append(1)
        return dist.from_logits(inputs).sample(rng=inside)

    drawn = [draw(inputs).numpy() for _ in range(3)]
    for array in drawn:
        np.testing.assert_allclose(array, dist.from_logits(inputs).sample(rng=outside), rtol=1e-6)
    assert not np.array_equal(drawn[0], drawn[1])
    assert len(traces) == 1
    assert inside.get_state() == outside.get_state()


def test_draws_in_a_graph_keep_what_is_known_of_their_shape(backend: TfBackend):
    seen: list[Any] = []

    @tf.function(input_signature=[tf.TensorSpec((None, 3))])
    def draw(logits: Any) -> Any:
        seen.append(backend.ops.random_normal(None, logits).shape.as_list())
        return backend.ops.random_categorical(None, logits)

    assert draw(tf.zeros((5, 3))).shape == (5,)
    assert seen == [[None, 3]]


def test_a_generator_that_is_not_the_backend_s_is_refused():
    dist = TfCategorical.from_logits(tf.zeros((1, 2)))
    for other in (object(), random.Random(0), np.random.default_rng(0)):
        with pytest.raises(TypeError, match=r"get_backend\('tf2'\)\.rng\(seed\), got "):
            dist.sample(rng=other)


def test_the_deterministic_distribution_gives_the_outputs():
    outputs = tf.ones((2, 3))
    assert TfDeterministic.from_logits(outputs).sample() is outputs
