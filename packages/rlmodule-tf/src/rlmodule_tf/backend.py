"""The TensorFlow backend."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

# TensorFlow stops one tape at a time in public, `tape.stop_recording()`; Keras and tf.custom_gradient use this, too.
from tensorflow.python.eager.record import stop_recording

from rlmodule_core import Epoch, ModuleLike, NumpyRng, OptimizerSettings, TensorTrainingBackend
from rlmodule_core.plans import PlainContainer, Plan, lower_plan
from rlmodule_tf.layers import make_layer
from rlmodule_tf.module import TfRLModule
from rlmodule_tf.networks import named_variables
from rlmodule_tf.ops import OPS
from rlmodule_tf.optimizer import TfOptimizer
from rlmodule_tf.update import run_epoch


class TfBackend(TensorTrainingBackend):
    """Networks, sampling, weights and training in TensorFlow."""

    name = "tf2"
    ops = OPS

    @property
    def module_base(self) -> type[TfRLModule]:
        return TfRLModule

    def rng(self, seed: int | None) -> NumpyRng:
        return NumpyRng(seed)

    def lower(self, plan: Plan) -> Any:
        return lower_plan(plan, make_layer, PlainContainer, framework=self.name)

    def named_weights(self, network: Any) -> Mapping[str, Any]:
        if isinstance(network, TfRLModule):
            network.build_layers()
        return named_variables(network)

    def is_trained(self, weight: Any) -> bool:
        # A plain tf.Variable calls itself trainable, counters of steps included.
        return bool(weight.trainable) and tf.as_dtype(weight.dtype).is_floating

    def tensor_of(self, array: NDArray[Any], *, like: Any) -> Any:
        return tf.convert_to_tensor(array)

    def view_of(self, tensor: Any) -> NDArray[Any]:
        return np.asarray(tensor.numpy())

    def assign(self, weight: Any, array: NDArray[Any]) -> None:
        # A copy: TensorFlow may go on in the memory of the array that it is given.
        weight.assign(tf.cast(np.array(array), weight.dtype))

    def without_gradients(self) -> AbstractContextManager[None]:
        return stop_recording()  # type: ignore[no-any-return]

    def make_optimizer(self, module: ModuleLike, settings: OptimizerSettings) -> TfOptimizer:
        return TfOptimizer(self, module, settings)

    def run_epoch(self, epoch: Epoch) -> dict[str, Any]:
        return run_epoch(epoch)

    def padded_steps(self, steps: int) -> int:
        return -(-steps // (unit := 4 if steps <= 32 else 16)) * unit

    def limited_threads(self, count: int | None) -> AbstractContextManager[None]:
        # TensorFlow's threads are fixed from its first operation on: TF_NUM_INTRAOP_THREADS and its like set them.
        return nullcontext()
