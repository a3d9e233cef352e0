"""Adam in TensorFlow, by torch's formula, with its moments by weight name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from rlmodule_core import GradientClip, OptimizerSettings, TensorBackend, TensorOptimizer
from rlmodule_core.plans import join_name
from rlmodule_tf.compiling import Graphs
from rlmodule_tf.networks import native

_EPS = 1e-6
"""Keeps the factor of a vanishing norm finite."""


class TfOptimizer(TensorOptimizer):
    """Adam over all trainable weights of a module; it keeps the graphs of the updates that it is part of."""

    def __init__(self, backend: TensorBackend, module: Any, settings: OptimizerSettings) -> None:
        super().__init__(backend, module)
        self._settings = settings
        self.variables = [native(weight) for weight in self.weights.values()]
        with tf.init_scope():
            self._lr = tf.Variable(settings.lr, dtype=tf.float64, trainable=False)
            self._steps = tf.Variable(0.0, dtype=tf.float32, trainable=False)
            self._moments = [
                tuple(tf.Variable(tf.zeros_like(variable), trainable=False) for _ in range(2))
                for variable in self.variables
            ]
        self.graphs = Graphs(f"The update of {type(module).__name__}")

    def clip(self, gradients: Sequence[Any], clip: GradientClip) -> tuple[list[Any], Any]:
        """The gradients, limited, and their global norm before that, 0-d."""
        norm = tf.linalg.global_norm(gradients)
        limit = clip.limit
        if limit is None:
            return list(gradients), norm
        if clip.by == "value":
            return [tf.clip_by_value(gradient, -limit, limit) for gradient in gradients], norm
        norms = [norm if clip.by == "global_norm" else tf.norm(gradient) for gradient in gradients]
        factors = [tf.minimum(limit / (each + _EPS), 1.0) for each in norms]
        return [gradient * tf.cast(by, gradient.dtype) for gradient, by in zip(gradients, factors, strict=True)], norm

    def step(self, gradients: Sequence[Any]) -> bool:
        """Move the weights along the gradients; True, because a branch of a graph has to give something."""
        settings = self._settings
        count = tf.cast(self._steps.assign_add(1.0), tf.float64)
        # In double precision, because 1 - beta2 ** count loses most of its digits at first. TensorFlow's kernel does
        # not correct the bias of the second moment where it adds epsilon: an epsilon of its own makes up for that.
        root = tf.sqrt(1.0 - settings.beta2**count)
        size, eps = self._lr * root / (1.0 - settings.beta1**count), settings.eps * root
        for variable, (first, second), gradient in zip(self.variables, self._moments, gradients, strict=True):
            dtype = variable.dtype
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=first.handle,
                v=second.handle,
                beta1_power=tf.zeros((), dtype),
                beta2_power=tf.zeros((), dtype),
                lr=tf.cast(size, dtype),
                beta1=tf.cast(settings.beta1, dtype),
                beta2=tf.cast(settings.beta2, dtype),
                epsilon=tf.cast(eps, dtype),
                grad=gradient,
            )
        return True

    def set_lr(self, lr: float) -> None:
        self._lr.assign(lr)

    def slots(self) -> dict[str, Any]:
        keys = ("step", "exp_avg", "exp_avg_sq")
        pairs = zip(self.weights, self._moments, strict=True)
        own = ((name, zip(keys, (self._steps, *moments), strict=True)) for name, moments in pairs)
        return {join_name(name, key): slot for name, slots in own for key, slot in slots}
