"""What it means that frameworks agree: functions that raise AssertionError and name what does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from native_gradients import loss_and_gradients
from ppo_batches import COEFFS, loss_of

from rlmodule_algorithms import PPOConfig, PPOLearner
from rlmodule_core import DEFAULT_MODULE_ID, RLModule
from rlmodule_core.testing.compare import Array, leaves, require, require_close, require_equal

FORWARDS = ("forward_train", "forward_exploration", "forward_inference", "evaluate_train")

Arrays = Mapping[str, Array]


def outputs_of(module: RLModule, forward: str, columns: Mapping[str, Any]) -> dict[str, Array]:
    """What a forward gives for columns in numpy, by path, in numpy."""
    outputs = getattr(module, forward)(module.backend.batch(None, columns, like=module))
    return dict(leaves(module.backend.to_numpy(outputs), "outputs"))


def require_outputs_agree(modules: Sequence[RLModule], columns: Mapping[str, Any]) -> None:
    """Fail unless every module computes what the first one does, in every forward."""
    for forward in FORWARDS:
        expected = outputs_of(modules[0], forward, columns)
        require(expected, f"{forward} gives nothing")
        for module in modules[1:]:
            where = f"{forward} in {module.framework}"
            found = outputs_of(module, forward, columns)
            require_equal(sorted(found), sorted(expected), f"the outputs of {where}")
            for path, array in expected.items():
                require(np.isfinite(array).all(), f"{path} of {where} is not finite")
                require_close(found[path], array, f"{path} of {where}")


def require_losses_and_gradients_agree(
    modules: Sequence[RLModule], columns: Mapping[str, Any], coeffs: Mapping[str, float] = COEFFS
) -> None:
    """Fail unless the PPO loss of every module, its parts and its gradients are those of the first one."""
    losses, gradients = loss_and_gradients(modules[0], loss_of(modules[0]), columns, coeffs)
    for module in modules[1:]:
        found_losses, found = loss_and_gradients(module, loss_of(module), columns, coeffs)
        require_losses_agree(found_losses, losses, str(module.framework))
        require_equal(sorted(found), sorted(gradients), f"the trained weights in {module.framework}")
        for name, gradient in gradients.items():
            require(gradient.any(), f"the gradient of {name!r} is nothing but zeros, which shows nothing")
            require_gradient(found[name], gradient, f"the gradient of {name!r} in {module.framework}")


def require_losses_agree(found: Arrays, expected: Arrays, where: str) -> None:
    """Fail unless the total and every metric are close."""
    require_equal(sorted(found), sorted(expected), f"the metrics in {where}")
    for name, value in expected.items():
        require_close(found[name], value, f"{name!r} in {where}")


def require_gradient(found: Array, expected: Array, what: str) -> None:
    """Fail unless a gradient is close, and where it is small close by its own measure, too."""
    require_close(found, expected, what)
    largest = float(np.abs(expected).max())
    if largest > 0:
        require_close(found / largest, expected / largest, f"{what}, in units of its largest entry", tolerance=1e-3)


RATE = 1e-2
"""The learning rate of `weight_changes`."""


def weight_changes(
    module: RLModule, batches: Sequence[Mapping[str, Any]], *, clip: float | None = 0.5, by: str = "global_norm"
) -> tuple[dict[str, Array], list[dict[str, float]]]:
    """How PPO's learner moves each weight by an update of two steps with each batch, and the updates' metrics."""
    counted = max(int(np.sum(batch.get("seq_lens", len(batch["advantages"])))) for batch in batches)
    config = (
        PPOConfig()
        .framework(str(module.framework))
        .training(lr=RATE, num_epochs=1, minibatch_size=-(-counted // 2), grad_clip=clip, grad_clip_by=by)
        .training(vf_clip_param=0.8, entropy_coeff=0.02, kl_coeff=0.3, clip_param=0.2)
    )
    learner = PPOLearner(module.as_multi_agent(), config, np.random.default_rng(7))
    before = module.get_state()
    updates = [learner.update({DEFAULT_MODULE_ID: batch}, timestep=0)[DEFAULT_MODULE_ID] for batch in batches]
    after = module.get_state()
    return {name: after[name].astype(np.float64) - array for name, array in before.items()}, updates


def require_changes_agree(
    found: Arrays, expected: Arrays, *, untrained: frozenset[str] = frozenset(), rate: float = RATE
) -> None:
    """Fail unless each weight, and all together, moved as expected: far, and to the same place within a thousandth.

    Args:
        found: the changes by name.
        expected: the same of a framework that is trusted.
        untrained: the names of what must stay where it is.
        rate: about the learning rate: less than half of it shows nothing.
    """
    require_equal(sorted(found), sorted(expected), "the weights")
    apart: dict[str, float] = {}
    for name, change in expected.items():
        if name in untrained:
            require(not change.any() and not found[name].any(), f"{name!r} moved, which no optimizer may move")
            continue
        # Adam takes steps of about the learning rate, here back and forth.
        typical = float(np.sqrt(np.square(change).mean()))
        require(typical > 0.5 * rate, f"{name!r} hardly moved: by {typical:.2g} on average, at a rate of {rate:.2g}")
        apart[f"the change of {name!r}"] = _distance(found[name], change)
    apart["the change of all weights"] = _distance(_flat(found), _flat(expected))
    # One that went astray takes others along: the one that is furthest off tells most.
    what, distance = max(apart.items(), key=lambda item: item[1])
    require(distance <= 1e-3, f"{what}: apart by {distance:.2g} of its norm, allowed: 0.001")


def require_metrics_agree(found: Mapping[str, float], expected: Mapping[str, float]) -> None:
    """Fail unless the metrics of updates agree about as well as the weights that they led to."""
    require_equal(sorted(found), sorted(expected), "the metrics")
    for name, value in expected.items():
        require_close(found[name], value, f"the metric {name!r}", tolerance=1e-3)


def _distance(found: Array, expected: Array) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def _flat(arrays: Arrays) -> Array:
    return np.concatenate([np.ravel(array) for array in arrays.values()])
