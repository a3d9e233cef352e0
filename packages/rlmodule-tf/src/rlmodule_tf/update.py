"""One epoch of minibatch updates in TensorFlow: one graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from rlmodule_core import Epoch
from rlmodule_core.spaces import map_leaves
from rlmodule_tf.networks import named_variables, native
from rlmodule_tf.ops import OPS
from rlmodule_tf.optimizer import TfOptimizer


def run_epoch(epoch: Epoch) -> dict[str, Any]:
    """See `TrainingBackend.update_epoch`."""
    optimizer: TfOptimizer = epoch.optimizer
    optimizer.require_current(epoch.module, named_variables(epoch.module))
    size, rows = epoch.minibatch_size, tf.constant(epoch.permutation, tf.int32)
    if not range(0, len(rows), size):
        return {}
    coeffs = {name: tf.constant(value, tf.float32) for name, value in epoch.coeffs.items()}
    data = {"columns": epoch.columns, "rows": rows, "size": tf.constant(size, tf.int32), "coeffs": coeffs}
    # Not the loss itself: an object that can be called need not be hashable.
    key = (epoch.loss.__call__, epoch.clip, epoch.module._changes)  # type: ignore[operator]
    means, passed = optimizer.graphs.run(key, lambda data: _minibatches(epoch, data), data)
    done = int(passed) * size
    if done < len(epoch.permutation):
        # Once more, which changes no weight, to say what is not finite.
        batch = _rows(epoch.columns, epoch.permutation[done : done + size])
        gradients, outputs, loss, _ = _differentiated(epoch, batch, coeffs)
        raise optimizer.fault(batch, outputs, loss, gradients)
    return dict(means)


def _minibatches(epoch: Epoch, data: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """The mean of each metric, and how many minibatches passed: less than all where one is not finite."""
    names: list[str] = []
    rows, size = data["rows"], data["size"]
    total = tf.size(rows)
    # What the metrics are called is known only when the loss has been traced, so that they are rows of a table.
    table = tf.TensorArray(tf.float32, 0, dynamic_size=True, element_shape=(None,))

    def body(number: Any, passed: Any, table: Any) -> tuple[Any, Any, Any]:
        own = rows[number * size : tf.minimum((number + 1) * size, total)]
        gradients, _, loss, metrics = _differentiated(epoch, _rows(data["columns"], own), data["coeffs"])
        limited, norm = epoch.optimizer.clip(gradients, epoch.clip)
        finite = tf.math.is_finite(norm + tf.cast(loss, tf.float32))
        tf.cond(finite, lambda: epoch.optimizer.step(limited), lambda: False)
        metrics = {"total_loss": loss, **metrics, "gradients_global_norm": norm}
        names[:] = metrics
        table = table.write(number, tf.stack([tf.cast(value, tf.float32) for value in metrics.values()]))
        return number + 1, passed + tf.cast(finite, tf.int32), table

    def unfinished(number: Any, passed: Any, table: Any) -> Any:
        return (number * size < total) & (number == passed)

    _, passed, table = tf.while_loop(unfinished, body, (0, 0, table))
    means = tf.reduce_mean(table.stack(), 0)
    return {name: means[index] for index, name in enumerate(names)}, passed


def _differentiated(epoch: Epoch, batch: Mapping[str, Any], coeffs: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
    """The gradients, the outputs of the forward, the loss and its metrics."""
    with tf.GradientTape() as tape:
        # Losses compute in single precision, whatever the layers do.
        outputs = map_leaves(_single, epoch.module.forward_train(batch))
        total, metrics = epoch.loss(OPS, outputs, batch, coeffs)
    # Once more, because layers are built at the latest by now.
    named = named_variables(epoch.module)
    epoch.optimizer.require_current(epoch.module, named)
    variables, known = epoch.optimizer.variables, {id(native(variable)) for variable in named.values()}
    others = [variable for variable in tape.watched_variables() if id(variable) not in known]
    gradients, strange = tape.gradient(tf.convert_to_tensor(total), [variables, others])
    hidden = [other.name for other, gradient in zip(others, strange, strict=True) if gradient is not None]
    epoch.optimizer.require_gradients(epoch.module, gradients, hidden)
    # A weight that the loss does not depend on goes on by its moments, as in every framework.
    pairs = zip(gradients, variables, strict=True)
    found = [tf.zeros_like(variable) if each is None else tf.convert_to_tensor(each) for each, variable in pairs]
    return found, outputs, total, metrics


def _rows(columns: Mapping[str, Any], rows: Any) -> Any:
    return map_leaves(lambda column: tf.gather(column, rows), columns)


def _single(value: Any) -> Any:
    return tf.cast(value, tf.float32) if tf.is_tensor(value) and value.dtype.is_floating else value
