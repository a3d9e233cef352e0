"""The base of all TensorFlow modules."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from rlmodule_core import ConfigError, RLModule, RLModuleConfig, example_batch
from rlmodule_tf.compiling import Graphs
from rlmodule_tf.networks import keras_layers
from rlmodule_tf.phases import Forward, in_phase


class TfRLModule(RLModule):
    """An RLModule in TensorFlow: layers and variables assigned in `setup` are found, trained and saved.

    They are Keras layers, variables, or dicts, lists and modules of them, under any attribute. Exploration and
    inference run as graphs: after a change of layers, or of Python values that a forward reads, call `invalidate()`.
    A Keras layer gets its variables at the latest when somebody asks for them, by running the forwards.
    """

    framework = "tf2"
    _changes = 0

    def __init__(self, config: RLModuleConfig | None = None) -> None:
        self._compiled: bool | None = None
        self._graphs: Graphs | None = None
        RLModule.__init__(self, config)
        # Refuses the layers of a Keras that computes with another framework before any of them does.
        any(keras_layers(self))

    def compile(self, *, jit_compile: bool = False) -> None:
        """Run `forward_train`, too, as a graph where it is called by hand; updates always run as graphs.

        Args:
            jit_compile: let XLA compile all three forwards, anew for every size of a batch, which takes about a second.
        """
        self._compiled, self._graphs = jit_compile, None

    def invalidate(self) -> None:
        super().invalidate()
        self._forget_graphs()

    def build_layers(self) -> None:
        """Give every Keras layer its variables, by running the forwards with one row of the module's spaces.

        Raises:
            ConfigError: a forward cannot run with such a batch.
        """
        if all(layer.built for layer in keras_layers(self)):
            return
        # Not within a graph: some layers keep tensors that they compute when they are built.
        with tf.init_scope():
            example = example_batch(self)
            try:
                for forward in (self._forward_train, self._forward_exploration, self._forward_inference):
                    in_phase(forward, example, training=False)
            except Exception as error:
                raise ConfigError(
                    f"The layers of {type(self).__name__} have no variables yet, and giving them some by a forward "
                    f"with {sorted(example)} failed: {type(error).__name__}: {error} Start each Keras model with "
                    "keras.Input, or call its layers once in setup()."
                ) from error

    def _learning(self, forward: Forward, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        run = in_phase if self._compiled is None else self._as_graph
        return run(forward, batch, training=True)

    def _acting(self, forward: Forward, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        with self.backend.without_gradients():
            return self._as_graph(forward, batch, training=False)

    def _as_graph(self, forward: Forward, batch: Mapping[str, Any], *, training: bool) -> Mapping[str, Any]:
        if tf.inside_function():
            return in_phase(forward, batch, training=training)
        if self._graphs is None:
            # Without spaces to do it by, the layers are built within the first graph.
            with suppress(ConfigError):
                self.build_layers()
            self._graphs = Graphs(type(self).__name__, jit_compile=bool(self._compiled))
        run = partial(in_phase, forward, training=training)
        return self._graphs.run((forward, training), run, batch)  # type: ignore[no-any-return]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if isinstance(value, keras.layers.Layer | tf.Variable | keras.Variable | RLModule):
            # What was traced before computes with other layers.
            self._forget_graphs()

    def _forget_graphs(self) -> None:
        self.__dict__.update(_graphs=None, _changes=self._changes + 1)

    def __getstate__(self) -> Any:
        if any(keras_layers(self)):
            # Keras copies its own layers alone, and those not always with their weights: `setup` makes them again.
            return self.config, self.get_state()
        return {**super().__getstate__(), "_graphs": None, "_compiled": None}

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)
            return
        config, weights = state
        with self.backend.initialising(0):
            type(self).__init__(self, config)
            self.set_state(weights)
