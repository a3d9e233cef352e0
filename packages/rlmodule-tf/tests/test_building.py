"""When the layers of Keras get their variables: at the latest when somebody asks for them, without anybody's data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import keras
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import ConfigError, RLModuleConfig, TensorSpec
from rlmodule_tf import TfRLModule

layers = keras.layers


class Own(TfRLModule):
    def setup(self) -> None:
        self.net = layers.Dense(4)

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"])}

    def _forward_exploration(self, batch: Any) -> Any:
        return self._forward_train(batch)

    _forward_inference = _forward_exploration


class Phased(Own):
    """Each forward has a layer that no other one uses."""

    def setup(self) -> None:
        self.train, self.explore, self.infer = (layers.Dense(4) for _ in range(3))

    def _forward_train(self, batch: Any) -> Any:
        return {"vf_preds": self.train(batch["obs"])}

    def _forward_exploration(self, batch: Any) -> Any:
        return {"actions": self.explore(batch["obs"])}

    def _forward_inference(self, batch: Any) -> Any:
        return {"actions": self.infer(batch["obs"])}


class Keeping(layers.Layer):
    """Computes a tensor when it is built, and keeps it."""

    def build(self, shape: Any) -> None:
        self.kept = tf.linalg.diag(tf.range(1.0, shape[-1] + 1.0))

    def call(self, x: Any) -> Any:
        return x @ self.kept


def shapes(module: Any) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in module.get_state().items()}


def test_every_forward_s_layers_are_built_without_data(config: RLModuleConfig):
    module = Phased(config)
    assert not module.train.built
    assert shapes(module) == {
        f"{part}.{leaf}": shape
        for part in ("train", "explore", "infer")
        for leaf, shape in (("kernel", (4, 4)), ("bias", (4,)))
    }


@pytest.mark.parametrize(
    ("space", "width"),
    [
        (gym.spaces.Box(0, 255, (2, 2, 3), np.uint8), 12),
        (gym.spaces.Box(-1, 1, (3,), np.float64), 3),
        (gym.spaces.Discrete(3), 1),
        (gym.spaces.MultiDiscrete([2, 3]), 2),
        (gym.spaces.MultiBinary(5), 5),
        (gym.spaces.Box(-1, 1, ()), 1),
        (gym.spaces.Dict({"a": gym.spaces.Box(-1, 1, (3,)), "b/c.d": gym.spaces.Tuple((gym.spaces.Discrete(2),))}), 4),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers_are_built_from_spaces_of_every_kind(space: gym.Space[Any], width: int, batch: Any):
    class Flat(Own):
        def _forward_train(self, batch: Any) -> Any:
            columns = [tf.cast(leaf, tf.float32) for leaf in tf.nest.flatten(batch["obs"])]
            rows = [tf.reshape(column, (-1, int(np.prod(column.shape[1:])))) for column in columns]
            return {"action_dist_inputs": self.net(tf.concat(rows, -1))}

    assert shapes(Flat(RLModuleConfig(space))) == {"net.kernel": (width, 4), "net.bias": (4,)}


def test_columns_that_the_input_specs_ask_for_are_given(config: RLModuleConfig):
    class Asking(Own):
        def input_specs_train(self) -> Any:
            return {"obs": TensorSpec("b, d", d=4), "actions": TensorSpec("b, a", a=2), "goal": TensorSpec("b, g", g=3)}

        def _forward_train(self, batch: Any) -> Any:
            return {"q": self.net(tf.concat([batch["obs"], batch["actions"], batch["goal"]], -1))}

        def _forward_exploration(self, batch: Any) -> Any:
            return {"actions": batch["obs"][:, :2]}

        _forward_inference = _forward_exploration

    assert shapes(Asking(config))["net.kernel"] == (9, 4)


def test_without_spaces_a_model_that_knows_its_input_or_has_run_needs_none(batch: Any):
    class Started(Own):
        def setup(self) -> None:
            self.net = keras.Sequential([keras.Input((4,)), layers.Dense(4)])

    assert shapes(Started()) == {"net.0.kernel": (4, 4), "net.0.bias": (4,)}
    module = Own()
    with pytest.raises(ConfigError, match=r"layers of Own have no variables yet.*\[\] failed: KeyError: 'obs' Start"):
        module.get_state()
    for _ in range(2):
        assert module.forward_inference(batch)["action_dist_inputs"].shape == (6, 4)
    assert shapes(module) == {"net.kernel": (4, 4), "net.bias": (4,)}


def test_a_forward_that_cannot_run_with_the_spaces_is_told_with_its_own_error(config: RLModuleConfig, batch: Any):
    class Wanting(Own):
        def _forward_train(self, batch: Any) -> Any:
            return {"action_dist_inputs": self.net(batch["goal"])}

        def _forward_exploration(self, batch: Any) -> Any:
            return {"actions": batch["obs"]}

        _forward_inference = _forward_exploration

    module = Wanting(config)
    with pytest.raises(ConfigError, match=r"by a forward with \['obs'\] failed: KeyError: 'goal' Start each Keras"):
        module.get_state()
    assert module.forward_inference(batch)["actions"].shape == (6, 4)


def test_building_moves_no_statistics_and_draws_no_masks(config: RLModuleConfig):
    class Normalising(Own):
        def setup(self) -> None:
            self.net = keras.Sequential([layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.5)])

    state = Normalising(config).get_state()
    assert not state["net.1.moving_mean"].any()
    assert state["net.2.seed_generator_state"][1] == 0, "the number of masks that were drawn"


@pytest.mark.parametrize("first", ["get_state", "forward_exploration", "within a function"])
def test_layers_that_keep_a_tensor_are_built_outside_of_graphs(
    config: RLModuleConfig, batch: Any, update: Callable[..., Any], first: str
):
    class Kept(Own):
        def setup(self) -> None:
            self.keeping, self.adapted = Keeping(), layers.Normalization(mean=1.0, variance=4.0)
            self.net = layers.Dense(4)

        def _forward_train(self, batch: Any) -> Any:
            return {"action_dist_inputs": self.net(self.adapted(self.keeping(batch["obs"])))}

    module = Kept(config)

    @tf.function(autograph=False)
    def size() -> Any:
        return sum(tf.size(weight) for weight in module.backend.named_weights(module).values())

    ways = {"get_state": module.get_state, "within a function": size}
    ways.get(first, lambda: module.forward_exploration(batch))()
    acted, trained = module.forward_inference(batch), module.forward_train(batch)
    np.testing.assert_allclose(acted["action_dist_inputs"], trained["action_dist_inputs"], rtol=1e-5, atol=1e-5)
    assert np.isfinite(update(module)["total_loss"])


def test_a_layer_that_a_forward_makes_and_assigns_is_one_of_the_module_s(
    config: RLModuleConfig, batch: Any, update: Callable[..., Any]
):
    class Lazy(Own):
        net: Any = None

        def setup(self) -> None:
            pass

        def _forward_train(self, batch: Any) -> Any:
            if self.net is None:
                self.net = layers.Dense(4)
            out = self.net(batch["obs"])
            # What a graph needs to rewrite, so that its first trace comes to nothing.
            if tf.reduce_sum(out) > 1e9:
                out = 0.0 * out
            return {"action_dist_inputs": out}

    module = Lazy(config)
    one, other = (module.forward_inference(batch)["action_dist_inputs"] for _ in range(2))
    np.testing.assert_array_equal(one, other)
    before = module.get_state()
    assert list(before) == ["net.kernel", "net.bias"]
    update(module)
    assert not np.array_equal(module.get_state()["net.kernel"], before["net.kernel"])


def test_a_layer_that_no_forward_uses_has_no_variables_and_does_no_harm(config: RLModuleConfig, batch: Any):
    class Idle(Own):
        def setup(self) -> None:
            self.net, self.idle = layers.Dense(4), layers.Dense(4)

    module = Idle(config)
    assert list(shapes(module)) == ["net.kernel", "net.bias"]
    for _ in range(3):
        module.forward_inference(batch)
    assert module._graphs is not None
    assert module._graphs.traces == 1
