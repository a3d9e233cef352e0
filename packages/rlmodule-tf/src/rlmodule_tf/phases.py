"""Training or evaluation, as Keras layers see it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras


def in_phase(run: Callable[[], Any], *, training: bool) -> Any:
    """What `run` returns, with Dropout, BatchNormalization and their like in training or in evaluation mode.

    A layer that is called with `training=` of its user's own obeys that.
    """
    return _phase()(run=run, training=training)


@lru_cache(maxsize=1)
def _phase() -> Any:
    # Layers that are called within a call of another layer inherit its phase: Keras' only public way to set one.
    class Phase(keras.layers.Layer):
        def call(self, run: Callable[[], Any], training: bool = False) -> Any:
            return run()

    return Phase(name="rlmodule_phase", trainable=False)
