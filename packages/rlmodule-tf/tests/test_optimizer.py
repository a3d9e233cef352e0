from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import ConfigError, GradientClip, OptimizerSettings, RLModuleConfig
from rlmodule_tf import TfActorCriticRLModule, TfBackend, TfRLModule

_SETTINGS = OptimizerSettings(lr=0.01)
Update = Callable[..., dict[str, Any]]


class Own(TfRLModule):
    def setup(self) -> None:
        self.net, self.head = keras.layers.Dense(4), keras.layers.Dense(4)

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.head(self.net(batch["obs"]))}

    def _forward_exploration(self, batch: Any) -> Any:
        return self._forward_train(batch)

    _forward_inference = _forward_exploration


class Mixed(Own):
    """Weights of several dtypes, numbers that count, and rows of which few are used."""

    def setup(self) -> None:
        self.net, self.precise = keras.layers.Dense(4), keras.layers.Dense(4, dtype="float64")
        self.table, self.rows = keras.layers.Embedding(5, 4), tf.Variable(tf.ones((5, 4)))
        self.count, self.seen, self.flag = tf.Variable(0), keras.Variable(3, dtype="int32"), tf.Variable(True)

    def _forward_train(self, batch: Any) -> Any:
        row = tf.cast(batch["obs"][:, 0] > 0, tf.int64)
        out = self.net(batch["obs"]) + self.table(row) + tf.gather(self.rows, row)
        return {"action_dist_inputs": out + tf.cast(self.precise(tf.cast(batch["obs"], tf.float64)), tf.float32)}


def changed(module: Any, before: dict[str, Any]) -> set[str]:
    return {name for name, array in module.get_state().items() if not np.array_equal(array, before[name])}


def test_the_state_is_named_by_weights(backend: TfBackend, module: TfActorCriticRLModule, update: Update):
    optimizer = backend.make_optimizer(module, _SETTINGS)
    state = optimizer.get_state()
    slots = ("step", "exp_avg", "exp_avg_sq")
    assert list(state) == [f"{name}.{slot}" for name in module.get_state() for slot in slots]
    assert (state["pi.0.weight.exp_avg"].shape, state["pi.0.weight.step"].shape) == ((3, 8), ())
    assert not any(array.any() for array in state.values())
    update(module, optimizer=optimizer)
    assert {float(optimizer.get_state()[f"{name}.step"]) for name in module.get_state()} == {3.0}


def test_the_first_step_is_the_learning_rate_whatever_the_gradient(
    backend: TfBackend, module: TfActorCriticRLModule, update: Update
):
    optimizer = backend.make_optimizer(module, OptimizerSettings(lr=1.0, eps=1e-12))
    # As a schedule may give it; also one that single precision cannot hold exactly.
    for lr in (np.float32(0.5), np.float64(0.1), np.array(0.25), 1):
        optimizer.set_state({name: np.zeros_like(array) for name, array in optimizer.get_state().items()})
        optimizer.set_lr(lr)
        before = module.get_state()["vf.0.bias"]
        update(module, optimizer=optimizer, minibatch_size=10)
        assert abs(module.get_state()["vf.0.bias"] - before).item() == pytest.approx(float(lr), rel=1e-3)
    assert optimizer.graphs.traces == 1


@pytest.mark.parametrize(
    "clip", [GradientClip(), GradientClip(0.1), GradientClip(0.1, "norm"), GradientClip(0.1, "value")]
)
def test_weights_of_every_dtype_are_trained_and_what_counts_is_not(
    backend: TfBackend, config: RLModuleConfig, update: Update, clip: GradientClip
):
    module = Mixed(config)
    before = module.get_state()
    assert backend.untrained_weights(module) == {"count", "seen", "flag"}
    metrics = update(module, clip=clip)
    assert changed(module, before) == before.keys() - {"count", "seen", "flag"}
    assert module.get_state()["precise.kernel"].dtype == np.float64
    assert metrics["gradients_global_norm"].dtype == tf.float32


def test_moments_of_bfloat16_are_stored_and_come_back(backend: TfBackend, config: RLModuleConfig, update: Update):
    class Half(Own):
        def setup(self) -> None:
            self.net, self.head = (keras.layers.Dense(4, dtype="bfloat16") for _ in range(2))

    module, twin = Half(config), Half(config)
    optimizer, resumed = (backend.make_optimizer(each, _SETTINGS) for each in (module, twin))
    update(module, optimizer=optimizer)
    state = optimizer.get_state()
    assert {array.dtype for array in state.values()} == {np.dtype(np.float32)}
    twin.set_state(module.get_state())
    resumed.set_state(state)
    for each, its in ((module, optimizer), (twin, resumed)):
        update(each, optimizer=its)
    assert changed(twin, module.get_state()) == set()
    assert twin.net.kernel.dtype == "bfloat16"


def test_frozen_layers_are_left_out_and_nothing_left_is_an_error(
    backend: TfBackend, config: RLModuleConfig, update: Update
):
    module = Own(config)
    module.net.trainable = False
    before = module.get_state()
    optimizer = backend.make_optimizer(module, _SETTINGS)
    assert {name.partition(".")[0] for name in optimizer.get_state()} == {"head"}
    update(module, optimizer=optimizer)
    assert changed(module, before) == {"head.kernel", "head.bias"}
    module.head.trainable = False
    with pytest.raises(ConfigError, match=r"Own has no trainable weights.*setup\(\)"):
        backend.make_optimizer(module, _SETTINGS)
    # Layers that were built frozen can be set free.
    module.net.trainable = True
    before = module.get_state()
    update(module)
    assert changed(module, before) == {"net.kernel", "net.bias"}


def _freeze(module: Own) -> None:
    module.head.trainable = False


def _replace(module: Own) -> None:
    module.head = keras.layers.Dense(4)
    module.build_layers()


def _add(module: Own) -> None:
    module.more = {"a": [tf.Variable(1.0)]}


@pytest.mark.parametrize(
    ("change", "named"),
    [(_freeze, r"head\.bias, head\.kernel"), (_replace, r"head\.bias, head\.kernel"), (_add, r"more\.a\.0")],
)
def test_an_optimizer_of_other_weights_is_refused_at_the_next_update(
    backend: TfBackend, config: RLModuleConfig, update: Update, change: Any, named: str
):
    module = Own(config)
    optimizer = backend.make_optimizer(module, _SETTINGS)
    update(module, optimizer=optimizer)
    change(module)
    before = module.get_state()
    with pytest.raises(ConfigError, match=rf"other weights than those that Own trains now.*: {named}\. Make a new one"):
        update(module, optimizer=optimizer)
    assert changed(module, before) == set()
    # A new one trains them; what the loss does not depend on has nothing to learn.
    update(module)
    assert changed(module, before) == before.keys() - backend.untrained_weights(module) - {"more.a.0"}


def test_the_optimizer_of_another_module_is_refused(backend: TfBackend, config: RLModuleConfig, update: Update):
    with pytest.raises(ConfigError, match=r"other weights than those that Own trains now"):
        update(Own(config), optimizer=backend.make_optimizer(Own(config), _SETTINGS))


def test_two_optimizers_of_a_module_have_moments_and_rates_of_their_own(
    backend: TfBackend, module: TfActorCriticRLModule, update: Update
):
    moving, standing = (backend.make_optimizer(module, OptimizerSettings(lr=lr)) for lr in (0.01, 0.0))
    update(module, optimizer=moving)
    before = module.get_state()
    update(module, optimizer=standing)
    assert changed(module, before) == set()
    assert [float(each.get_state()["vf.0.bias.step"]) for each in (moving, standing)] == [3.0, 3.0]


def test_a_layer_that_two_modules_share_is_trained_by_the_optimizers_of_both(
    backend: TfBackend, config: RLModuleConfig, update: Update
):
    one, other = Own(config), Own(config)
    other.net = one.net
    optimizers = [backend.make_optimizer(each, _SETTINGS) for each in (one, other)]
    assert backend.shared_tensors({"a": one, "b": other}) == {
        "b.net.kernel": "a.net.kernel",
        "b.net.bias": "a.net.bias",
    }
    for each, optimizer in zip((one, other), optimizers, strict=True):
        before = one.get_state()
        update(each, optimizer=optimizer)
        assert {"net.kernel", "net.bias"} <= changed(one, before)
