"""Summaries of TensorFlow modules: as of the numpy twin, and what only Keras knows."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_core import (
    ActorCriticEncoderConfig,
    DiagGaussian,
    FreeLogStdMLPHeadConfig,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModulePlans,
    RLModuleConfig,
)
from rlmodule_core.summary import summarise
from rlmodule_tf import TfActorCriticRLModule, TfRLModule

SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=3)


def standard(hiddens: list[int], *, shared: bool) -> TfActorCriticRLModule:
    base = MLPEncoderConfig(input_dims=(3,), hidden_layer_dims=hiddens, hidden_layer_use_layernorm=True)
    encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=shared).plan()
    head: dict[str, Any] = {"input_dims": (hiddens[-1],), "hidden_layer_dims": ()}
    pi = FreeLogStdMLPHeadConfig(output_layer_dim=4, **head).plan()
    dist = DiagGaussian(2)
    plans = ModulePlans(encoder, pi, MLPHeadConfig(output_layer_dim=1, **head).plan(), dist, dist, dist)
    spaces = gym.spaces.Box(-1.0, 1.0, (3,)), gym.spaces.Box(-2.0, 2.0, (2,))
    return TfActorCriticRLModule(RLModuleConfig(*spaces, {}, plans=plans))


class Own(TfRLModule):
    """Layers of the user's own, one of them under two names."""

    def setup(self) -> None:
        self.body, self.norm = keras.layers.Dense(4), keras.layers.BatchNormalization()
        self.same_body, self.steps = self.body, tf.Variable(0)

    def _forward_train(self, batch: Any) -> Any:
        return {"actions": self.norm(self.same_body(self.body(batch["obs"])))}

    _forward_exploration = _forward_inference = _forward_train


@pytest.fixture
def own() -> Own:
    return Own(RLModuleConfig(gym.spaces.Box(-1.0, 1.0, (4,)), gym.spaces.Discrete(2)))


@settings(max_examples=10, deadline=None)
@given(SIZES, st.booleans())
def test_equal_plans_are_told_equally_in_tensorflow_and_in_numpy(hiddens: list[int], shared: bool) -> None:
    module = standard(hiddens, shared=shared)
    expected = module.to_framework("numpy").summary()
    assert module.summary() == expected.replace("framework     numpy,", "framework     tf2,")


def test_statistics_frozen_layers_and_counters_are_no_trainable_numbers(own: Own) -> None:
    own.get_state()
    own.body.bias.trainable = False
    told = summarise(own).weights
    untrained = {"body.bias", "norm.moving_mean", "norm.moving_variance", "steps"}
    assert {name for name, weight in told.items() if not weight.trained} == untrained
    assert " 37 numbers in 7 arrays, " in own.summary()
    assert ", 24 trainable\n" in own.summary()


def test_a_layer_under_two_names_is_told_once(own: Own) -> None:
    told = summarise(own).weights
    assert "body.kernel" in told
    assert not any(name.startswith("same_body") for name in told)
    assert sum(weight.numbers for weight in told.values()) == sum(array.size for array in own.get_state().values())


def test_a_layer_that_two_parts_share_is_counted_once() -> None:
    module = standard([8], shared=False)
    module.encoder.children["critic"] = module.encoder.children["actor"]
    module.invalidate()
    told = summarise(module).layers
    assert sum(layer.numbers for layer in told) == sum(array.size for array in module.get_state().values())
    assert {layer.path[1] for layer in told if layer.shared} == {"critic"}
    assert "shared with an earlier layer" in module.summary()


def test_a_summary_changes_no_weight(own: Own) -> None:
    before = own.get_state()
    own.summary()
    for name, array in own.get_state().items():
        np.testing.assert_array_equal(array, before[name])


def test_repr_is_one_line_before_setup_has_run_too(own: Own) -> None:
    assert repr(own) == str(own) == "Own(tf2, Box(-1.0, 1.0, (4,), float32) -> Discrete(2))"
    assert repr(Own.__new__(Own)) == "Own(tf2)"
