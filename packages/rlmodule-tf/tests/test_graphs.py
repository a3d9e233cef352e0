"""When a forward and an update are traced, and when a graph serves again."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gymnasium as gym
import keras
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import GradientClip, OptimizerSettings, RLModuleConfig
from rlmodule_tf import TfBackend, TfRLModule
from rlmodule_tf.compiling import Graphs

Update = Callable[..., dict[str, Any]]
ACTING = ("forward_exploration", "forward_inference", "evaluate_train")


class Own(TfRLModule):
    scale = 1.0

    def setup(self) -> None:
        self.net = keras.layers.Dense(4, kernel_initializer="ones")
        self.nets: dict[str, Any] = {"more": keras.layers.Dense(4, kernel_initializer="ones")}

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.scale * self.nets["more"](self.net(batch["obs"]))}

    def _forward_exploration(self, batch: Any) -> Any:
        return self._forward_train(batch)

    def _forward_inference(self, batch: Any) -> Any:
        return self._forward_train(batch)


class Loss:
    """Counts how often Python runs it."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        self.calls += 1
        total = ops.mean(ops.square(outputs["action_dist_inputs"]))
        factor = coeffs.get("factor", 1.0)
        # A question that Python asks a tensor, which becomes a part of the graph.
        if factor > 10.0:
            factor = 0.0 * factor
        return factor * total, {"factor": factor}


@pytest.fixture
def own(config: RLModuleConfig) -> Own:
    return Own(config)


def traces(owner: Any) -> int:
    graphs = owner._graphs if isinstance(owner, TfRLModule) else owner.graphs
    assert isinstance(graphs, Graphs)
    return graphs.traces


def acted(module: Own, batch: Any) -> float:
    return float(module.forward_inference(batch)["action_dist_inputs"].numpy().sum())


@pytest.mark.parametrize("forward", ACTING)
def test_a_forward_is_traced_once_whatever_the_size_of_the_batch(own: Own, batch: Any, forward: str):
    expected = own.forward_train(batch)["action_dist_inputs"]
    for rows in (6, 1, 3, 6, 0):
        found = getattr(own, forward)({"obs": batch["obs"][:rows]})["action_dist_inputs"]
        np.testing.assert_allclose(found, expected[:rows], rtol=1e-5)
    assert traces(own) == 1


def test_each_forward_is_a_graph_of_its_own(own: Own, batch: Any):
    for _ in range(2):
        for number, forward in enumerate(ACTING, 1):
            getattr(own, forward)(batch)
            assert traces(own) >= number
    assert traces(own) == 3


def test_another_dtype_rank_or_name_is_traced_anew(own: Own, batch: Any):
    obs = batch["obs"]
    for known, columns in enumerate(
        (
            {"obs": obs},
            {"obs": tf.cast(obs, tf.float64)},
            {"obs": tf.reshape(obs, (2, 3, 4))},
            {"obs": obs, "more": obs},
            {"obs": obs, "more": {"deep": obs}},
        ),
        1,
    ):
        for _ in range(2):
            own.forward_inference(columns)
            assert traces(own) == known


def test_a_batch_of_other_things_than_tensors_runs_as_it_is(own: Own, batch: Any):
    expected = own.forward_inference(batch)["action_dist_inputs"]
    obs = batch["obs"]
    for given in (
        {"obs": obs.numpy()},
        {"obs": tf.Variable(obs)},
        {"obs": obs, "a": {"b": "text"}},
        {"obs": obs, "a": []},
    ):
        np.testing.assert_allclose(own.forward_inference(given)["action_dist_inputs"], expected, rtol=1e-5)
    assert traces(own) == 1


def test_a_new_layer_under_an_attribute_is_seen_at_once(own: Own, batch: Any):
    before = acted(own, batch)
    own.net = keras.layers.Dense(4, kernel_initializer="zeros")
    assert acted(own, batch) == 0.0 != before
    own.get_state()


def test_what_else_a_forward_reads_is_seen_after_invalidate(own: Own, batch: Any):
    before = acted(own, batch)
    own.scale, own.nets["more"] = 2.0, keras.layers.Dense(4, kernel_initializer="zeros", bias_initializer="ones")
    assert acted(own, batch) == pytest.approx(before)
    own.invalidate()
    assert acted(own, batch) == 2.0 * 6 * 4
    assert {array.sum() for name, array in own.get_state().items() if name == "nets.more.bias"} == {4.0}


def test_weights_that_are_set_need_no_new_graph(own: Own, batch: Any):
    before = acted(own, batch)
    own.set_state({name: 2 * array for name, array in own.get_state().items()})
    assert acted(own, batch) == pytest.approx(4 * before)
    assert traces(own) == 1


def test_epochs_of_any_size_rate_and_coefficient_are_one_graph(backend: TfBackend, own: Own, update: Update):
    optimizer, loss = backend.make_optimizer(own, OptimizerSettings(lr=0.01)), Loss()
    rng, calls = np.random.default_rng(0), 0
    for epoch in range(10):
        columns = {"obs": rng.normal(size=(10 + epoch, 4)).astype(np.float32)}
        optimizer.set_lr(0.01 / (1 + epoch))
        metrics = update(
            own,
            optimizer=optimizer,
            loss=loss,
            columns=columns,
            permutation=rng.permutation(10 + epoch)[: 3 + epoch],
            minibatch_size=1 + epoch,
            coeffs={"factor": 2.0 * epoch},
        )
        assert float(metrics["factor"]) == (2.0 * epoch if epoch <= 5 else 0.0)
        calls = loss.calls if epoch == 0 else calls
    assert optimizer.graphs.traces == 1
    assert loss.calls == calls


def test_a_coefficient_that_comes_later_and_another_limit_are_graphs_of_their_own(
    backend: TfBackend, own: Own, update: Update
):
    optimizer, loss = backend.make_optimizer(own, OptimizerSettings(lr=0.0)), Loss()
    for _ in range(2):
        plain = update(own, optimizer=optimizer, loss=loss)
        scaled = update(own, optimizer=optimizer, loss=loss, coeffs={"factor": 0.5})
        update(own, optimizer=optimizer, loss=loss, clip=GradientClip(0.1))
    assert float(scaled["total_loss"]) == pytest.approx(0.5 * float(plain["total_loss"]), rel=1e-5)
    assert optimizer.graphs.traces == 3


def test_updates_see_what_a_forward_reads_after_invalidate(backend: TfBackend, own: Own, update: Update):
    optimizer, loss = backend.make_optimizer(own, OptimizerSettings(lr=0.0)), Loss()
    before = float(update(own, optimizer=optimizer, loss=loss)["total_loss"])
    own.scale = 3.0
    own.invalidate()
    assert float(update(own, optimizer=optimizer, loss=loss)["total_loss"]) == pytest.approx(9 * before, rel=1e-5)
    assert optimizer.graphs.traces == 2


def test_at_most_64_graphs_are_kept_and_the_oldest_goes_first():
    graphs, x = Graphs("Many"), {"x": tf.constant([2.0])}
    for number in range(66):
        found = graphs.run(number, lambda given, number=number: {"y": number * given["x"]}, x)
        assert float(found["y"][0]) == 2.0 * number
    assert len(graphs._graphs) == 64
    graphs.run(65, lambda given: {"y": given["x"]}, x)
    assert graphs.traces == 66
    graphs.run(0, lambda given: {"y": given["x"]}, x)
    assert graphs.traces == 67


def test_a_module_and_what_it_was_given_are_freed(backend: TfBackend, config: RLModuleConfig, update: Update):
    module = Own(config)
    optimizer = backend.make_optimizer(module, OptimizerSettings())
    obs = tf.constant(np.ones((10, 4), np.float32))
    given = weakref.ref(obs)
    module.forward_inference({"obs": obs})
    update(module, optimizer=optimizer, columns={"obs": obs})
    del obs
    gc.collect()
    assert given() is None
    rest = [weakref.ref(module), weakref.ref(optimizer), weakref.ref(module.net)]
    del module, optimizer
    gc.collect()
    assert [ref() for ref in rest] == [None] * 3


def test_modules_of_several_threads_do_not_disturb_each_other(
    backend: TfBackend, config: RLModuleConfig, batch: Any, update: Update
):
    def run(module: Own) -> tuple[float, float]:
        optimizer = backend.make_optimizer(module, OptimizerSettings(lr=0.0))
        losses = [float(update(module, optimizer=optimizer)["total_loss"]) for _ in range(3)]
        return acted(module, batch), losses[-1]

    expected = run(Own(config))
    modules = [Own(config) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, modules))
    assert found == [pytest.approx(expected)] * 4
    assert [traces(module) for module in modules] == [1] * 4


def test_functions_that_tensorflow_is_told_to_run_without_graphs_compute_the_same(
    config: RLModuleConfig, batch: Any, update: Update
):
    module = Own(config)
    expected = acted(module, batch)
    tf.config.run_functions_eagerly(True)
    try:
        module.invalidate()
        assert acted(module, batch) == pytest.approx(expected)
        assert np.isfinite(update(module)["total_loss"])
    finally:
        tf.config.run_functions_eagerly(False)


def test_observations_may_be_nested_as_deeply_as_one_likes(batch: Any):
    class Deep(Own):
        def _forward_inference(self, batch: Any) -> Any:
            obs = batch["obs"]
            while isinstance(obs, dict):
                (obs,) = obs.values()
            return {"action_dist_inputs": self.net(obs)}

        _forward_train = _forward_exploration = _forward_inference

    space: gym.Space[Any] = gym.spaces.Box(-1.0, 1.0, (4,))
    obs = batch["obs"]
    for level in range(40):
        space, obs = gym.spaces.Dict({f"level.{level}/": space}), {f"level.{level}/": obs}
    module = Deep(RLModuleConfig(space))
    assert module.forward_inference({"obs": obs})["action_dist_inputs"].shape == (6, 4)
    assert traces(module) == 1
