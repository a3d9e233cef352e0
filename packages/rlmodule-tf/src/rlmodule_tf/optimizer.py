"""Adam in TensorFlow, by torch's formula, with its moments by weight name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from rlmodule_core import GradientClip, OptimizerSettings, TensorBackend, TensorOptimizer
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
            # Half precision holds neither beta2 nor the squares of small gradients: steps are computed in single.
            self._singles = [
                tf.Variable(tf.cast(variable, tf.float32), trainable=False) if variable.dtype.size < 4 else variable
                for variable in self.variables
            ]
            self._moments = [
                tuple(tf.Variable(tf.zeros_like(single), trainable=False) for _ in range(2)) for single in self._singles
            ]
        self.graphs = Graphs(f"The update of {type(module).__name__}")

    def clip(self, gradients: Sequence[Any], clip: GradientClip) -> tuple[list[Any], Any]:
        """The gradients, limited, and their global norm before that, 0-d."""
        # Gradients of several dtypes have one norm.
        singles = [tf.cast(gradient, tf.float32) for gradient in gradients]
        norm = tf.linalg.global_norm(singles)
        if (limit := clip.limit) is None:
            return list(gradients), norm
        if clip.by == "value":
            return [tf.clip_by_value(gradient, -limit, limit) for gradient in gradients], norm
        norms = [norm if clip.by == "global_norm" else tf.norm(single) for single in singles]
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
        self._copy(self.variables, self._singles)
        for variable, (first, second), gradient in zip(self._singles, self._moments, gradients, strict=True):
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
                grad=tf.cast(gradient, dtype),
            )
        self._copy(self._singles, self.variables)
        return True

    def _copy(self, sources: Sequence[Any], targets: Sequence[Any]) -> None:
        for source, target in zip(sources, targets, strict=True):
            if source is not target:
                target.assign(tf.cast(source, target.dtype))

    def set_lr(self, lr: float) -> None:
        self._lr.assign(lr)

    def slots(self) -> dict[str, Any]:
        return self.named_slots(self._steps, self._moments)
