from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import ActorCriticRLModule, ConfigError, RLModuleConfig, SingleAgentRLModuleSpec
from rlmodule_core.plans import Activation, Chain, Dense, FreeParameter, LayerNorm
from rlmodule_core.testing.global_generators import global_generators_untouched
from rlmodule_tf import TfActorCriticRLModule, TfBackend, TfRLModule

_WAYS = pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])


class Neutral(ActorCriticRLModule):
    """Names no framework, so a spec combines it with one."""


class Scaled(keras.layers.Layer):
    """A layer that Keras could not copy: it has no get_config, and takes what cannot be pickled."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function, self.inner = function, keras.layers.Dense(3)
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x: Any) -> Any:
        return self.function(self.inner(x)) * self.scale


class Own(TfRLModule):
    def setup(self) -> None:
        self.net = keras.Sequential([Scaled(lambda x: x + 1.0), keras.layers.Dropout(0.5)])
        self.nets = {"left": [self.net], "right": (Scaled(tf.tanh),)}

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"]), "other": self.nets["right"][0](batch["obs"])}

    def _forward_exploration(self, batch: Any) -> Any:
        return self._forward_train(batch)

    _forward_inference = _forward_exploration


class Bare(TfRLModule):
    """Variables alone, and an attribute of the name that a state of weights might have."""

    def setup(self) -> None:
        self.native, self.keras = tf.Variable(tf.ones((4, 3))), keras.Variable(np.ones(3, np.float32))
        self.weights, self.config_of_mine = [1.0, "mine"], {"a": [1], 2: {"b": (3,)}}

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": batch["obs"] @ self.native * self.keras}

    def _forward_exploration(self, batch: Any) -> Any:
        return self._forward_train(batch)

    _forward_inference = _forward_exploration


def require_equal(one: Any, other: Any) -> None:
    assert one.keys() == other.keys()
    for key, value in one.items():
        np.testing.assert_array_equal(other[key], value)


@_WAYS
def test_a_copy_of_the_standard_module_is_of_the_same_distributions(module: TfActorCriticRLModule, duplicate: Any):
    twin = duplicate(module)
    assert twin.get_train_action_dist_cls() is module.get_train_action_dist_cls()
    assert twin.backend is module.backend


@_WAYS
def test_copies_share_no_variable(module: TfActorCriticRLModule, batch: Any, duplicate: Any):
    expected = module.forward_train(batch)["vf_preds"]
    twin = duplicate(module)
    twin.set_state({name: np.zeros_like(array) for name, array in twin.get_state().items()})
    assert not twin.forward_train(batch)["vf_preds"].numpy().any()
    np.testing.assert_array_equal(module.forward_train(batch)["vf_preds"], expected)


@_WAYS
def test_lowered_networks_can_be_copied(backend: TfBackend, duplicate: Any):
    plan = Chain((Dense(4, 8), LayerNorm(8), Activation("elu"), Dense(8, 2, bias=False), FreeParameter(2)))
    network, x = backend.lower(plan), tf.ones((3, 4))
    twin = duplicate(network)
    np.testing.assert_array_equal(twin(x), network(x))
    assert backend.plan_of(twin) == plan
    assert backend.untrained_weights(twin) == backend.untrained_weights(network)
    backend.set_weights(twin, {name: array + 1 for name, array in backend.get_weights(twin).items()})
    assert not np.array_equal(twin(x), network(x))


@_WAYS
def test_a_neutral_class_combined_with_tensorflow_can_be_copied(
    module: TfActorCriticRLModule, batch: Any, duplicate: Any, monkeypatch: pytest.MonkeyPatch
):
    config = module.config
    assert config is not None
    monkeypatch.setattr(SingleAgentRLModuleSpec, "get_rl_module_config", lambda self: config)
    spec = SingleAgentRLModuleSpec(Neutral, config.observation_space, config.action_space, {})
    combined = spec.build(framework="tf2")
    twin = duplicate(combined)
    assert type(twin) is type(combined)
    np.testing.assert_array_equal(twin.forward_train(batch)["vf_preds"], combined.forward_train(batch)["vf_preds"])


@_WAYS
def test_layers_that_keras_cannot_copy_are_made_again_with_their_weights_and_masks(
    config: RLModuleConfig, batch: Any, duplicate: Any
):
    module = Own(config)
    module.forward_train(batch)
    twin = duplicate(module)
    require_equal(twin.get_state(), module.get_state())
    for forward in ("forward_inference", "forward_train", "forward_train"):
        require_equal(getattr(twin, forward)(batch), getattr(module, forward)(batch))
    assert twin.nets["left"][0] is twin.net
    assert twin.net is not module.net


@_WAYS
@pytest.mark.parametrize("of", [Own, Bare])
def test_copying_draws_from_no_global_generator(config: RLModuleConfig, duplicate: Any, of: type[TfRLModule]):
    module = of(config)
    module.get_state()
    with global_generators_untouched("Copying"):
        duplicate(module)


@_WAYS
def test_variables_and_attributes_of_any_name_are_copied(config: RLModuleConfig, batch: Any, duplicate: Any):
    module = Bare(config)
    expected = module.forward_inference(batch)
    twin = duplicate(module)
    module.set_state({name: 2 * array for name, array in module.get_state().items()})
    require_equal(twin.forward_inference(batch), expected)
    np.testing.assert_allclose(
        module.forward_inference(batch)["action_dist_inputs"], 4 * expected["action_dist_inputs"]
    )
    assert (twin.weights, twin.config_of_mine) == (module.weights, module.config_of_mine)
    assert (type(module.weights), type(module.config_of_mine), type(module.config_of_mine["a"])) == (list, dict, list)


@_WAYS
def test_a_copy_is_not_compiled_and_has_graphs_of_its_own(module: TfActorCriticRLModule, batch: Any, duplicate: Any):
    module.compile()
    expected, traces = module.forward_train(batch), module._graphs.traces
    twin = duplicate(module)
    np.testing.assert_allclose(twin.forward_train(batch)["vf_preds"], expected["vf_preds"], rtol=1e-5, atol=1e-6)
    assert twin._graphs is None
    assert module._graphs.traces == traces == 1


def test_a_module_whose_layers_cannot_be_built_yet_says_so_when_it_is_copied():
    with pytest.raises(ConfigError, match=r"The layers of Own have no variables yet.*keras\.Input"):
        copy.deepcopy(Own())
