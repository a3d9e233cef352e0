"""What the loss depends on is what the optimizer trains: nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import ConfigError, RLModuleConfig
from rlmodule_tf import TfActorCriticRLModule, TfRLModule

Update = Callable[..., dict[str, Any]]


class Holder:
    """An object of the user's own."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer


class Own(TfRLModule):
    """One layer in plain sight, and one wherever `place` puts it."""

    def setup(self) -> None:
        self.net = keras.layers.Dense(4)
        self.other = self.place(keras.layers.Dense(4))

    def place(self, layer: Any) -> Any:
        return lambda: layer

    def _forward_train(self, batch: Any) -> Any:
        other = self.other
        layer = other.layer if isinstance(other, Holder) else next(iter(other)) if isinstance(other, set) else other()
        return {"action_dist_inputs": layer(self.net(batch["obs"]))}

    def _forward_exploration(self, batch: Any) -> Any:
        return self._forward_train(batch)

    _forward_inference = _forward_exploration


class InASet(Own):
    def place(self, layer: Any) -> Any:
        return {layer}


class InAnObject(Own):
    def place(self, layer: Any) -> Any:
        return Holder(layer)


@pytest.mark.parametrize("of", [Own, InASet, InAnObject])
def test_a_layer_that_no_attribute_leads_to_is_named_at_the_first_update(
    config: RLModuleConfig, batch: Any, update: Update, of: type[Own]
):
    module = of(config)
    assert module.forward_inference(batch)["action_dist_inputs"].shape == (6, 4)
    before = module.get_state()
    assert list(before) == ["net.kernel", "net.bias"]
    for _ in range(2):
        with pytest.raises(ConfigError, match=rf"{of.__name__} computes with weights that none.*dense.*in setup\(\)"):
            update(module)
    for name, array in module.get_state().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_layer_of_the_loss_alone_that_was_built_too_late_is_named(config: RLModuleConfig, update: Update):
    class Helped(Own):
        def setup(self) -> None:
            self.net, self.helper = keras.layers.Dense(4), keras.layers.Dense(1)

        def _forward_train(self, batch: Any) -> Any:
            return {"action_dist_inputs": self.net(batch["obs"])}

    def loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        return ops.mean(ops.square(module.helper(outputs["action_dist_inputs"]))), {}

    module = Helped(config)
    with pytest.raises(ConfigError, match=r"layers were built.*since: helper\.bias, helper\.kernel\. Make a new one"):
        update(module, loss=loss)
    before = module.get_state()
    update(module, loss=loss)
    assert all(not np.array_equal(array, before[name]) for name, array in module.get_state().items())


def test_a_teacher_whose_gradients_are_stopped_is_no_hidden_layer(
    config: RLModuleConfig, module: TfActorCriticRLModule, update: Update
):
    teacher = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])

    def distilled(stop: Callable[[Any], Any]) -> Any:
        def loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
            return ops.mean(ops.square(outputs["action_dist_inputs"] - stop(teacher(batch["obs"])))), {}

        return loss

    before = [variable.numpy() for variable in teacher.variables]
    assert np.isfinite(update(module, loss=distilled(tf.stop_gradient))["total_loss"])
    for variable, array in zip(teacher.variables, before, strict=True):
        np.testing.assert_array_equal(variable, array)
    with pytest.raises(ConfigError, match="weights that none of its attributes lead to"):
        update(module, loss=distilled(tf.identity))


@pytest.mark.parametrize("total", [lambda out: 1.0, lambda out: tf.constant(3), lambda out: tf.stop_gradient(out[0])])
def test_a_loss_that_depends_on_no_weight_is_refused(module: TfActorCriticRLModule, update: Update, total: Any):
    with pytest.raises(ConfigError, match="loss of TfActorCriticRLModule does not depend on its weights"):
        update(module, loss=lambda ops, outputs, batch, coeffs: (total(outputs["vf_preds"]), {}))


def test_weights_that_a_loss_does_not_depend_on_stay(module: TfActorCriticRLModule, update: Update):
    before = module.get_state()
    update(module, loss=lambda ops, outputs, batch, coeffs: (ops.mean(outputs["vf_preds"]), {}))
    changed = {name for name, array in module.get_state().items() if not np.array_equal(array, before[name])}
    assert changed == {name for name in before if name.startswith(("encoder.critic", "vf"))}
