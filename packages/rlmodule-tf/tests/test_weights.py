from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import OptimizerSettings, RLModuleConfig
from rlmodule_core.plans import Chain, Dense
from rlmodule_tf import TfActorCriticRLModule, TfBackend, TfRLModule

layers = keras.layers


class Custom(layers.Layer):
    """A layer of layers, of a variable of its own, and of two variables of one name."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = layers.Dense(3), layers.Dense(4)
        self.scale, self.shift = (self.add_weight(shape=(), name="both", initializer="ones") for _ in range(2))

    def call(self, x: Any) -> Any:
        return self.second(self.first(x)) * self.scale + self.shift


class Native(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.factor, self.inside = tf.Variable(tf.ones(4)), {"list": [layers.Dense(4)]}

    def __call__(self, x: Any) -> Any:
        return self.inside["list"][0](x * self.factor)


class Inner(TfRLModule):
    def setup(self) -> None:
        self.net = layers.Dense(4)

    def _forward_train(self, batch: Any) -> Any:
        return {"actions": self.net(batch["obs"])}

    _forward_exploration = _forward_inference = _forward_train


class Own(TfRLModule):
    """Whatever a user may assign a layer or a variable to."""

    def __init__(self, config: RLModuleConfig | None = None) -> None:
        self.early = layers.Dense(4)
        super().__init__(config)
        self.late = layers.Dense(4)

    def setup(self) -> None:
        given = keras.Input((4,))
        self.chain = keras.Sequential([layers.Dense(4, name="head_2"), layers.Activation("tanh"), layers.Dense(4)])
        self.graph = keras.Model(given, layers.Add()([layers.Dense(4)(given), self.chain.layers[0](given)]))
        self.nest = {"a.b/c": [self.early, {1: (layers.Dense(4),)}], "nothing": None}
        self.custom, self.native, self.lowered = Custom(), Native(), self.backend.lower(Chain((Dense(4, 4),)))
        self.plain, self.own = tf.Variable(tf.ones(4)), keras.Variable(np.ones(4, np.float32))
        self.named_as_its_variable = layers.Dense(4, name="kernel")
        self.frozen = layers.Dense(4, trainable=False)
        self.me, self._private, self.inner = self, layers.Dense(4), Inner(self.config)

    def _forward_train(self, batch: Any) -> Any:
        x = self.late(self.early(self.chain(batch["obs"]))) + self.graph(batch["obs"])
        x = self.custom(self.native(self.nest["a.b/c"][1][1][0](x))) + self.lowered(x) * self.plain
        x = self.inner.forward_train({"obs": x})["actions"]
        return {"action_dist_inputs": self.frozen(self._private(self.named_as_its_variable(x))) * self.own}

    def _forward_exploration(self, batch: Any) -> Any:
        return self._forward_train(batch)

    _forward_inference = _forward_exploration


@pytest.fixture(scope="module")
def own(config: RLModuleConfig) -> Own:
    return Own(config)


def both(path: str) -> list[str]:
    return [f"{path}.kernel", f"{path}.bias"]


NAMES = [
    *both("early"),
    *both("chain.0"),
    *both("chain.2"),
    *both("graph.1"),
    *both("nest.a%2Eb/c.1.1.0"),
    "custom.both",
    "custom.both_1",
    *both("custom.dense"),
    "custom.dense.kernel_1",
    "custom.dense.bias_1",
    "native.factor",
    *both("native.inside.list.0"),
    "lowered.0.weight",
    "lowered.0.bias",
    "plain",
    "own",
    *both("named_as_its_variable"),
    *both("frozen"),
    *both("_private"),
    *both("inner.net"),
    *both("late"),
]


def test_a_standard_module_has_canonical_names(module: TfActorCriticRLModule):
    parts = ("encoder.actor.0", "encoder.critic.0", "pi.0", "vf.0")
    assert list(module.get_state()) == [f"{part}.{leaf}" for part in parts for leaf in ("weight", "bias")]


def test_variables_are_named_by_the_first_attribute_that_leads_to_them(own: Own):
    assert list(own.get_state()) == NAMES


def test_names_are_the_same_in_every_instance_whatever_numbers_keras_gives(config: RLModuleConfig, own: Own):
    own.get_state()
    other = Own(config)
    assert other.graph.layers[1].name != own.graph.layers[1].name
    assert list(other.get_state()) == NAMES


def test_every_variable_is_trained_once_but_the_frozen(backend: TfBackend, own: Own, update: Callable[..., Any]):
    before, optimizer = own.get_state(), backend.make_optimizer(own, OptimizerSettings(lr=0.01))
    assert [name.rpartition(".")[0] for name in list(optimizer.get_state())[::3]] == [
        name for name in NAMES if name not in both("frozen")
    ]
    update(own, optimizer=optimizer)
    changed = {name for name, array in own.get_state().items() if not np.array_equal(array, before[name])}
    assert changed == set(NAMES) - set(both("frozen"))
    assert backend.untrained_weights(own) == set(both("frozen"))


def test_a_state_goes_into_another_instance_and_keeps_its_variables(config: RLModuleConfig, own: Own, batch: Any):
    other = Own(config)
    variables = dict(other.backend.named_weights(other))
    state = {name: array + 0.1 for name, array in own.get_state().items()}
    for each in (own, other):
        each.set_state(state)
    for name, variable in other.backend.named_weights(other).items():
        assert variable is variables[name]
    expected = own.forward_train(batch)["action_dist_inputs"]
    np.testing.assert_array_equal(other.forward_train(batch)["action_dist_inputs"], expected)


def test_dicts_and_lists_stay_those_of_the_user(own: Own):
    assert type(own.nest) is dict
    assert type(own.nest["a.b/c"]) is list
    assert type(own.nest["a.b/c"][1][1]) is tuple
    assert own.me is own


def test_bfloat16_survives_the_way_through_numpy(config: RLModuleConfig):
    class Half(Own):
        def __init__(self, config: RLModuleConfig) -> None:
            TfRLModule.__init__(self, config)

        def setup(self) -> None:
            self.net = layers.Dense(4, dtype="bfloat16")

        def _forward_train(self, batch: Any) -> Any:
            return {"action_dist_inputs": self.net(batch["obs"])}

    one, other = Half(config), Half(config)
    one.set_state({name: np.full(array.shape, 1e30, np.float32) for name, array in one.get_state().items()})
    state = one.get_state()
    assert state["net.kernel"].dtype == np.float32
    other.set_state(state)
    assert other.net.kernel.dtype == "bfloat16"
    np.testing.assert_array_equal(other.get_state()["net.kernel"], state["net.kernel"])


def test_variables_that_several_modules_share_are_seen_under_every_name(backend: TfBackend, config: RLModuleConfig):
    one, other = Own(config), Own(config)
    other.late, other.plain = one.late, one.plain
    expected = {"b.late.kernel": "a%2E.late.kernel", "b.late.bias": "a%2E.late.bias", "b.plain": "a%2E.plain"}
    assert backend.shared_tensors({"a.": one, "b": other}) == expected
    assert backend.shared_tensors({"one": one}) == {}
