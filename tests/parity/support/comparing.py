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

PHASES = ("train", "exploration", "inference")

Arrays = Mapping[str, Array]


def outputs_of(module: RLModule, phase: str, columns: Mapping[str, Any]) -> dict[str, Array]:
    """What the forward of the phase gives for columns in numpy, by path, in numpy."""
    outputs = getattr(module, f"forward_{phase}")(module.backend.batch(None, columns, like=module))
    return dict(leaves(module.backend.to_numpy(outputs), "outputs"))


def require_outputs_agree(modules: Sequence[RLModule], columns: Mapping[str, Any]) -> None:
    """Fail unless every module computes what the first one does, in all three forwards."""
    for phase in PHASES:
        expected = outputs_of(modules[0], phase, columns)
        require(expected, f"forward_{phase} gives nothing")
        for module in modules[1:]:
            where = f"forward_{phase} in {module.framework}"
            found = outputs_of(module, phase, columns)
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
            require_gradient(found[name], gradient, f"the gradient of {name!r} in {module.framework}")


def require_losses_agree(found: Arrays, expected: Arrays, where: str) -> None:
    """Fail unless the total and every metric are close."""
    require_equal(sorted(found), sorted(expected), f"the metrics in {where}")
    for name, value in expected.items():
        require_close(found[name], value, f"{name!r} in {where}")


def require_gradient(found: Array, expected: Array, what: str) -> None:
    """Fail unless a gradient is close, and where it is small close by its own measure, too."""
    largest = float(np.abs(expected).max())
    require(largest > 0, f"{what}: nothing but zeros is expected, which shows nothing")
    require_close(found, expected, what)
    require_close(found / largest, expected / largest, f"{what}, in units of its largest entry", tolerance=1e-3)


STEPS = 10
"""Optimizer steps in `weight_changes`: five updates of two minibatches each."""

RATE = 1e-2


def weight_changes(
    module: RLModule, batches: Sequence[Mapping[str, Any]], *, clip: float | None = 0.5, by: str = "global_norm"
) -> tuple[dict[str, Array], list[dict[str, float]]]:
    """How PPO's learner moves each weight by one update with each of the batches, and the metrics of the updates."""
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


def require_changes_agree(found: Arrays, expected: Arrays, *, untrained: frozenset[str] = frozenset()) -> None:
    """Fail unless each weight, and all together, moved as expected: far, and to the same place within a thousandth.

    Args:
        found: the changes by name.
        expected: the same of a framework that is trusted.
        untrained: the names of what must stay where it is.
    """
    require_equal(sorted(found), sorted(expected), "the weights")
    for name, change in expected.items():
        if name in untrained:
            require(not change.any() and not found[name].any(), f"{name!r} moved, which no optimizer may move")
            continue
        # Adam takes steps of about the learning rate, here back and forth.
        typical = float(np.sqrt(np.square(change).mean()))
        require(typical > 0.5 * RATE, f"{name!r} hardly moved: by {typical:.2g} on average, at a rate of {RATE}")
        _require_same_way(found[name], change, f"the change of {name!r}")
    _require_same_way(_flat(found), _flat(expected), "the change of all weights")


def _require_same_way(found: Array, expected: Array, what: str) -> None:
    apart = float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
    require(apart <= 1e-3, f"{what}: apart by {apart:.2g} of its norm, allowed: 0.001")


def _flat(arrays: Arrays) -> Array:
    return np.concatenate([np.ravel(array) for array in arrays.values()])
