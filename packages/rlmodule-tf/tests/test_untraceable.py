"""Forwards and losses that are no graph: Python over tensors becomes one, all else runs as it is, with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import OptimizerSettings, RLModuleConfig
from rlmodule_tf import TfBackend, TfRLModule

Update = Callable[..., dict[str, Any]]


class Own(TfRLModule):
    def setup(self) -> None:
        self.net = keras.layers.Dense(4, kernel_initializer="ones")

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"])}

    def _forward_exploration(self, batch: Any) -> Any:
        return self._forward_train(batch)

    _forward_inference = _forward_exploration


class Branching(Own):
    """Asks tensors, and loops as long as they say."""

    def _forward_train(self, batch: Any) -> Any:
        x = self.net(batch["obs"])
        if tf.reduce_mean(batch["obs"]) > 0:
            x = x + 100.0
        rounds = tf.constant(0)
        while tf.reduce_max(tf.abs(x)) > 1.0:
            x, rounds = x / 2.0, rounds + 1
        return {"action_dist_inputs": x, "rounds": rounds}


class Reading(Own):
    """Reads a number out of a tensor."""

    def _forward_train(self, batch: Any) -> Any:
        x = self.net(batch["obs"])
        return {"action_dist_inputs": x * float(x.numpy().size > 0)}


@pytest.mark.parametrize("unbuilt", [True, False])
def test_python_over_tensors_is_a_part_of_the_graph(config: RLModuleConfig, batch: Any, unbuilt: bool):
    module = Branching(None if unbuilt else config)
    for obs in (batch["obs"], 3.0 + batch["obs"], 100.0 * tf.abs(batch["obs"]), -3.0 - batch["obs"]):
        acted = module.forward_inference({"obs": obs})
        expected = module.forward_train({"obs": obs})
        np.testing.assert_allclose(acted["action_dist_inputs"], expected["action_dist_inputs"], rtol=1e-4)
        assert int(acted["rounds"]) == int(expected["rounds"])
    assert module._graphs is not None
    assert module._graphs.traces == 1


def test_a_forward_that_reads_tensors_runs_as_it_is_with_one_warning(config: RLModuleConfig, batch: Any):
    module = Reading(config)
    expected = Own(config).forward_train(batch)["action_dist_inputs"]
    text = r"Reading runs without a graph from here on.*AttributeError.*'numpy' \(A graph takes tensor functions only"
    with pytest.warns(RuntimeWarning, match=text) as caught:
        found = [module.forward_inference(batch)["action_dist_inputs"] for _ in range(3)]
    assert len(caught) == 1
    for each in found:
        np.testing.assert_allclose(each, expected, rtol=1e-5)
    assert module._graphs is not None
    assert module._graphs.traces == 0


def test_such_a_module_trains_with_one_warning_as_a_graph_would(
    backend: TfBackend, config: RLModuleConfig, update: Update
):
    modules = [Own(config), Reading(config)]
    optimizers = [backend.make_optimizer(each, OptimizerSettings(lr=0.01)) for each in modules]
    with pytest.warns(RuntimeWarning, match="The update of Reading runs without a graph") as caught:
        losses = [
            [float(update(each, optimizer=its)["total_loss"]) for _ in range(3)]
            for each, its in zip(modules, optimizers, strict=True)
        ]
    assert len(caught) == 1
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for name, array in modules[0].get_state().items():
        np.testing.assert_allclose(modules[1].get_state()[name], array, rtol=1e-5)


def test_other_forwards_of_such_a_module_stay_graphs(config: RLModuleConfig, batch: Any):
    class Half(Reading):
        def _forward_exploration(self, batch: Any) -> Any:
            return {"actions": self.net(batch["obs"])}

    module = Half(config)
    module.forward_exploration(batch)
    with pytest.warns(RuntimeWarning, match="Half runs without a graph"):
        module.evaluate_train(batch)
    module.forward_exploration(batch)
    assert module._graphs is not None
    assert module._graphs.traces == 1


def test_after_invalidate_a_graph_is_tried_again(config: RLModuleConfig, batch: Any):
    module = Reading(config)
    with pytest.warns(RuntimeWarning, match="Reading runs without a graph"):
        module.forward_inference(batch)
    module._forward_inference = Own._forward_train.__get__(module)
    module.invalidate()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module.forward_inference(batch)
    assert module._graphs is not None
    assert module._graphs.traces == 1


@pytest.mark.parametrize(
    "extra",
    [
        lambda obs: tf.RaggedTensor.from_row_lengths(obs, [2, 4]),
        tf.sparse.from_dense,
        lambda obs: tf.Variable(obs),
    ],
    ids=["ragged", "sparse", "a new variable"],
)
def test_what_a_graph_cannot_give_is_given_without_one(config: RLModuleConfig, batch: Any, extra: Any):
    class Odd(Own):
        def _forward_inference(self, batch: Any) -> Any:
            return {**self._forward_train(batch), "extra": extra(batch["obs"])}

    module = Odd(config)
    with pytest.warns(RuntimeWarning, match="Odd runs without a graph") as caught:
        found = [module.forward_inference(batch)["extra"] for _ in range(2)]
    assert len(caught) == 1
    assert {type(each) for each in found} == {type(extra(batch["obs"]))}


def test_a_loss_that_asks_a_tensor_is_a_graph_and_one_that_reads_it_is_none(
    backend: TfBackend, config: RLModuleConfig, update: Update
):
    def asking(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        total = ops.mean(ops.square(outputs["action_dist_inputs"]))
        if total > 0.5:
            total = total * 2.0
        return total, {}

    def reading(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        total = ops.mean(ops.square(outputs["action_dist_inputs"]))
        return total * (2.0 if total.numpy() > 0.5 else 1.0), {}

    module = Own(config)
    optimizer = backend.make_optimizer(module, OptimizerSettings(lr=0.0))
    asked = update(module, optimizer=optimizer, loss=asking)["total_loss"]
    assert optimizer.graphs.traces == 1
    with pytest.warns(RuntimeWarning, match="The update of Own runs without a graph") as caught:
        read = [update(module, optimizer=optimizer, loss=reading)["total_loss"] for _ in range(2)]
    assert len(caught) == 1
    assert [float(each) for each in read] == pytest.approx([float(asked)] * 2, rel=1e-5)


def test_an_error_of_the_loss_itself_is_raised_as_it_is(config: RLModuleConfig, update: Update):
    def failing(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        raise KeyError("mine")

    module = Own(config)
    before = module.get_state()
    for _ in range(2):
        with pytest.raises(KeyError, match="mine"):
            update(module, loss=failing)
    for name, array in module.get_state().items():
        np.testing.assert_array_equal(array, before[name])
