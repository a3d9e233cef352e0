"""Training or evaluation, as Keras layers see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

Forward = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def in_phase(forward: Forward, batch: Mapping[str, Any], *, training: bool) -> Mapping[str, Any]:
    """What a forward returns, with Dropout, BatchNormalization and their like in training or in evaluation mode.

    A layer that is called with `training=` of its user's own obeys that.
    """
    outputs: Mapping[str, Any]
    outputs, error = _PHASE(run=lambda: forward(batch), training=training)
    if error is not None:
        raise error
    return outputs


class _Phase(keras.layers.Layer):
    # Layers that are called within a call of another layer inherit its phase: Keras' only public way to set one.
    def call(self, run: Callable[[], Any], training: bool = False) -> Any:
        try:
            return run(), None
        # Keras would raise an error of its own instead, which tells of this layer.
        except Exception as error:
            return None, error


# Whatever the global policy for dtypes: variables that are read within a layer of mixed precision are cast.
_PHASE = _Phase(name="rlmodule_phase", dtype="float32")
