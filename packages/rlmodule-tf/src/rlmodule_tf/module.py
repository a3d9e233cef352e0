"""The base of all TensorFlow modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from rlmodule_core import ConfigError, RLModule, RLModuleConfig, example_batch
from rlmodule_tf.compiling import Graphs
from rlmodule_tf.networks import keras_layers
from rlmodule_tf.phases import in_phase

Forward = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class TfRLModule(RLModule):
    """An RLModule in TensorFlow: layers and variables assigned in `setup` are found, trained and saved.

    They are Keras layers, variables, or dicts, lists and modules of them, under any attribute. Exploration and
    inference run as graphs: after a change of layers, or of Python values that a forward reads, call `invalidate()`.
    A Keras layer gets its variables at the latest when somebody asks for them, by tracing the forwards.
    """

    framework = "tf2"

    def __init__(self, config: RLModuleConfig | None = None) -> None:
        self._compiled: bool | None = None
        self._graphs: Graphs | None = None
        RLModule.__init__(self, config)

    def compile(self, *, jit_compile: bool = False) -> None:
        """Run `forward_train`, too, as a graph where it is called by hand; updates always run as graphs.

        Args:
            jit_compile: let XLA compile all three forwards, anew for every size of a batch, which takes about a second.
        """
        self._compiled, self._graphs = jit_compile, None

    def invalidate(self) -> None:
        super().invalidate()
        self._graphs = None

    def build_layers(self) -> None:
        """Give every Keras layer its variables, by tracing the forwards with a batch of the module's spaces.

        Raises:
            ConfigError: a forward cannot run with such a batch.
        """
        if all(layer.built for layer in keras_layers(self)):
            return
        example = example_batch(self)
        try:
            for forward in (self._forward_train, self._forward_exploration, self._forward_inference):
                self._as_graph(forward, example, training=False)
        except Exception as error:
            raise ConfigError(
                f"The layers of {type(self).__name__} have no variables yet, and giving them some by a forward with "
                f"{sorted(example)} failed: {type(error).__name__}: {error} Start each Keras model with keras.Input, "
                "or call its layers once in setup()."
            ) from error

    def _learning(self, forward: Forward, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._compiled is None or tf.inside_function():
            return _run(forward, batch, training=True)
        return self._as_graph(forward, batch, training=True)

    def _acting(self, forward: Forward, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        with self.backend.without_gradients():
            if tf.inside_function():
                return _run(forward, batch, training=False)
            return self._as_graph(forward, batch, training=False)

    def _as_graph(self, forward: Forward, batch: Mapping[str, Any], *, training: bool) -> Mapping[str, Any]:
        if self._graphs is None:
            self._graphs = Graphs(type(self).__name__, jit_compile=bool(self._compiled))
        run = partial(_run, forward, training=training)
        outputs: Mapping[str, Any] = self._graphs.run((forward, training), run, batch)
        return outputs

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if isinstance(value, keras.layers.Layer | tf.Variable | keras.Variable | RLModule):
            # What was traced before computes with other layers.
            self.__dict__["_graphs"] = None

    def __getstate__(self) -> dict[str, Any]:
        state = {**super().__getstate__(), "_graphs": None}
        if not any(keras_layers(self)):
            return state
        # Keras copies its own layers alone, and those not always with their weights: `setup` makes them again.
        return {"config": self.config, "weights": self.get_state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "weights" not in state:
            self.__dict__.update(state)
            return
        type(self).__init__(self, state["config"])
        self.set_state(state["weights"])


def _run(forward: Forward, batch: Mapping[str, Any], *, training: bool) -> Mapping[str, Any]:
    outputs: Mapping[str, Any] = in_phase(lambda: forward(batch), training=training)
    return outputs
