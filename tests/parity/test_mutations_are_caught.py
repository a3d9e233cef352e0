"""The exam is examined: a TensorFlow backend that is wrong in one place must fail it, by the name of what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from comparing import (
    require_changes_agree,
    require_losses_and_gradients_agree,
    require_outputs_agree,
    weight_changes,
)
from parity_families import BOTH, FAMILIES
from ppo_batches import five_batches, ppo_columns
from record_cases import CASES, require_record_agrees

from rlmodule_core.plans import Dense, LayerNorm

pytestmark = BOTH

OUTPUT = r"outputs\.action_dist_inputs of forward_train in tf2"


@contextmanager
def lowered_by(record_class: type, mutant: Callable[..., Any]) -> Iterator[None]:
    """Within the block, TensorFlow's layers of this record are `mutant(apply_of, record, weights)`."""
    from rlmodule_tf.layers import apply_of

    right = apply_of.dispatch(record_class)
    apply_of.register(record_class, lambda record, weights: mutant(right, record, weights))
    try:
        yield
    finally:
        apply_of.register(record_class, right)


def require_that_outputs_and_losses_are_caught(name: str) -> None:
    family = FAMILIES[name]
    trusted, mutant = (family.module(framework) for framework in ("torch", "tf2"))
    columns = ppo_columns(trusted)
    with pytest.raises(AssertionError, match=OUTPUT):
        require_outputs_agree([family.module("numpy"), mutant], columns)
    with pytest.raises(AssertionError, match=r"'(policy_loss|total)' in tf2"):
        require_losses_and_gradients_agree([trusted, mutant], columns)


@pytest.mark.parametrize("order", ["fgio", "igof", "oifg", "gifo"])
def test_swapped_gates_of_an_lstm_are_caught(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    def reordered(gates: Any) -> Any:
        by_name = dict(zip("ifgo", tf.split(gates, 4), strict=True))
        return tf.concat([by_name[gate] for gate in order], 0)

    monkeypatch.setattr("rlmodule_tf.recurrent._reordered", reordered)
    require_that_outputs_and_losses_are_caught("lstm")


def test_a_transposed_kernel_of_a_square_layer_is_caught() -> None:
    import tensorflow as tf

    def transposed(right: Any, record: Dense, weights: dict[str, Any]) -> Any:
        if record.inputs != record.outputs:
            return right(record, weights)
        return lambda x: tf.matmul(x, weights["weight"]) + weights["bias"]

    with lowered_by(Dense, transposed):
        require_that_outputs_and_losses_are_caught("two encoders")


def test_a_convolution_whose_padding_is_shifted_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlmodule_tf.conv2d import conv2d

    def shifted(x: Any, record: Any, weights: Any) -> Any:
        above, below, left, right = record.padding
        return conv2d(x, replace(record, padding=(below, above, right, left)), weights)

    monkeypatch.setattr("rlmodule_tf.layers.conv2d", shifted)
    require_that_outputs_and_losses_are_caught("image")
    with pytest.raises(AssertionError, match=r"outputs of Conv2D.* in tf2"):
        require_record_agrees(*CASES["uneven padding"], 1.0, ["tf2"])


def test_another_epsilon_of_layer_norm_is_caught() -> None:
    with lowered_by(LayerNorm, lambda right, record, weights: right(replace(record, eps=1e-3), weights)):
        require_that_outputs_and_losses_are_caught("one encoder")
    # One as near as that shows in small numbers alone.
    with (
        lowered_by(LayerNorm, lambda right, record, weights: right(replace(record, eps=1.01e-5), weights)),
        pytest.raises(AssertionError, match=r"outputs of LayerNorm.* in tf2"),
    ):
        require_record_agrees(*CASES["layer norm"], 1e-3, ["tf2"])


def stepping_twice_with_biases(right: Any, optimizer: Any, gradients: Any) -> Any:
    biases = [weight for name, weight in optimizer.weights.items() if name.endswith(".bias")]
    before = [bias.read_value() for bias in biases]
    right(optimizer, gradients)
    for bias, was in zip(biases, before, strict=True):
        bias.assign(2 * bias - was)
    return True


def climbing(right: Any, optimizer: Any, gradients: Any) -> Any:
    return right(optimizer, [-gradient for gradient in gradients])


def standing_still(right: Any, optimizer: Any, gradients: Any) -> Any:
    return True


def going_too_far(right: Any, optimizer: Any, gradients: Any) -> Any:
    before = [variable.read_value() for variable in optimizer.variables]
    right(optimizer, gradients)
    for variable, was in zip(optimizer.variables, before, strict=True):
        variable.assign_add(0.002 * (variable - was))
    return True


BROKEN = {
    "a doubled step of biases": (stepping_twice_with_biases, r"the change of '[^']+\.bias': apart by"),
    "steps uphill": (climbing, r"the change of '[^']+': apart by [1-9]"),
    "no step at all": (standing_still, r"the change of '[^']+': apart by 1 "),
    "steps too long by a five-hundredth": (going_too_far, r"the change of '[^']+': apart by 0\.00"),
}


@pytest.mark.parametrize(("mutant", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_optimizer_is_caught(mutant: Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from rlmodule_tf.optimizer import TfOptimizer

    right = TfOptimizer.step
    monkeypatch.setattr(TfOptimizer, "step", lambda self, gradients: mutant(right, self, gradients))
    family = FAMILIES["two encoders"]
    batches = five_batches(family.module("numpy"))
    (expected, _), (found, _) = (weight_changes(family.module(name), batches) for name in ("torch", "tf2"))
    with pytest.raises(AssertionError, match=said):
        require_changes_agree(found, expected)


def test_weights_that_hardly_move_in_both_show_nothing() -> None:
    for moved in (0.0, 1e-4):
        changes = {"pi.0.bias": np.full(3, moved)}
        with pytest.raises(AssertionError, match=r"'pi\.0\.bias' hardly moved"):
            require_changes_agree(changes, changes)


def test_what_no_optimizer_may_move_is_caught() -> None:
    still, moved = {"mean": np.zeros(2)}, {"mean": np.array([0.0, 1e-3])}
    with pytest.raises(AssertionError, match=r"'mean' moved"):
        require_changes_agree(moved, still, untrained=frozenset({"mean"}))
