from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import PluginError, get_backend
from rlmodule_core.plans import (
    Activation,
    Chain,
    Conv2D,
    Dense,
    Dims,
    Flatten,
    FreeParameter,
    LayerNorm,
    MultiOneHot,
    Normalise,
    OneHot,
    Plan,
    Record,
    Scale,
    Transpose,
)
from rlmodule_tf import TfBackend

_NUMPY = get_backend("numpy")
_RNG = np.random.default_rng(0)
_CASES: dict[str, tuple[Plan, np.ndarray]] = {
    "rows": (
        Chain((Dense(4, 3), LayerNorm(3), Activation("tanh"), Dense(3, 2, bias=False), FreeParameter(2))),
        _RNG.normal(size=(3, 5, 4)).astype(np.float32),
    ),
    "images": (
        Chain((Transpose((1, 2, 0)), Scale(), Conv2D(2, 3, (3, 3), (2, 2), (0, 1, 1, 0)), Flatten(3), Dense(27, 4))),
        _RNG.integers(0, 255, (3, 5, 2, 6, 6), np.uint8),
    ),
    "images as large as the kernel": (
        Chain((Conv2D(2, 3, (4, 5), padding=(1, 0, 0, 1)), Flatten(3), Dense(3, 4))),
        _RNG.normal(size=(3, 5, 3, 4, 2)).astype(np.float32),
    ),
    "choices": (Chain((OneHot(3, 1), Dense(3, 2))), _RNG.integers(1, 4, (3, 5))),
    "many choices": (MultiOneHot((2, 3), (0, 1)), _RNG.integers(0, 4, (3, 5, 2))),
}
_OF_EACH = pytest.mark.parametrize(("plan", "x"), _CASES.values(), ids=_CASES)


@dataclass(frozen=True)
class _Unheard(Record):
    def output_dims(self, input_dims: Dims) -> Dims:
        return input_dims


@_OF_EACH
def test_sequences_of_unknown_length_are_computed_in_a_graph(backend: TfBackend, plan: Plan, x: np.ndarray):
    network, oracle = backend.lower(plan), _NUMPY.lower(plan)
    _NUMPY.set_weights(oracle, backend.get_weights(network))
    signature = [tf.TensorSpec((None, None, *x.shape[2:]), x.dtype)]
    graph = tf.function(lambda given: network(given), input_signature=signature, autograph=False)
    for steps in (5, 2):
        part = x[:, :steps]
        np.testing.assert_allclose(graph(tf.constant(part)), oracle(part), rtol=1e-5, atol=1e-5)


@_OF_EACH
def test_a_graph_knows_every_size_but_that_of_the_batch(backend: TfBackend, plan: Plan, x: np.ndarray):
    network = backend.lower(plan)
    for leading in ((None,), (None, 5)):
        spec = tf.TensorSpec((*leading, *x.shape[2:]), x.dtype)
        graph = tf.function(lambda given: network(given), input_signature=[spec], autograph=False)
        shape = graph.get_concrete_function().structured_outputs.shape.as_list()
        assert shape == [*leading, *network(tf.constant(x)).shape[2:]]


def test_gradients_of_sequences_are_those_of_their_rows(backend: TfBackend):
    layer = backend.lower(Dense(4, 3))
    x = tf.constant(_CASES["rows"][1])
    found = []
    for shaped in (x, tf.reshape(x, (15, 4))):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.tanh(layer(shaped)))
        found.append(tape.gradient(loss, [layer.weights["weight"], layer.weights["bias"]]))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_variables_carry_the_names_of_their_leaves_and_statistics_are_not_trained(backend: TfBackend):
    layer = backend.lower(Normalise(3))
    leaves = {"mean", "variance", "count"}
    assert {name: variable.name for name, variable in layer.weights.items()} == {leaf: f"{leaf}:0" for leaf in leaves}
    assert backend.untrained_weights(layer) == leaves


def test_a_network_that_is_lowered_within_a_graph_has_weights_though_the_graph_comes_to_nothing(backend: TfBackend):
    made: list[Any] = []

    @tf.function(autograph=False)
    def outputs(x: Any) -> Any:
        made.append(backend.lower(Dense(4, 3)))
        return made[0](x) + tf.constant(None)

    with pytest.raises(ValueError, match="None"):
        outputs(tf.ones((2, 4)))
    assert made[0](tf.ones((2, 4))).shape == (2, 3)
    assert backend.get_weights(made[0])["weight"].any()


def test_a_record_that_nobody_has_lowered_yet_is_named(backend: TfBackend):
    with pytest.raises(PluginError, match=r"'tf2' has no layer for _Unheard\(\)"):
        backend.lower(_Unheard())
