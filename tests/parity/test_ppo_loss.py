"""PPO's loss, part by part: numpy in float64 says what it is, and by central differences what its gradients are."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
from comparing import require_gradient, require_losses_agree
from double_precision import central_differences, in_double
from native_gradients import input_gradients
from parity_families import TRAINING
from ppo_batches import COEFFS

from rlmodule_algorithms import ppo_loss
from rlmodule_core import (
    Bernoulli,
    Categorical,
    Descriptor,
    DiagGaussian,
    MultiCategorical,
    MultiDistribution,
    SquashedGaussian,
    get_backend,
)
from rlmodule_core.distributions import masked_inputs
from rlmodule_core.spaces import map_leaves

ROWS = 24
NESTED = MultiDistribution.of({"aim": SquashedGaussian((-1.0,), (3.0,)), "go": (Categorical(3, start=1), Bernoulli(2))})
CASES: dict[str, tuple[Descriptor, Any]] = {
    "categorical": (Categorical(4, start=-2), None),
    "gaussian": (DiagGaussian(3), None),
    "squashed": (SquashedGaussian((-2.0, 0.0), (6.0, 0.5)), None),
    "multi-categorical": (MultiCategorical((3, 2, 2)), None),
    "bernoulli": (Bernoulli((1, 2)), None),
    "nested": (NESTED, None),
    "masked categorical": (Categorical(4), (4,)),
    "masked multi-categorical": (MultiCategorical((3, 2)), (5,)),
    "masked bernoulli": (Bernoulli(2), (2, 2)),
    "masked nested": (NESTED, {"go": {"0": (3,), "1": (2, 2)}}),
}
COEFFICIENTS: dict[str, dict[str, float]] = {
    "policy": {"clip_param": 0.2, "vf_loss_coeff": 0.0},
    "wide clip": {"clip_param": 0.9, "vf_loss_coeff": 0.0},
    "values": {"clip_param": 0.2, "vf_loss_coeff": 0.5},
    "clipped values": {"clip_param": 0.2, "vf_loss_coeff": 0.5, "vf_clip_param": 0.8},
    "entropy": {"clip_param": 0.2, "vf_loss_coeff": 0.5, "entropy_coeff": 0.3},
    "divergence": {"clip_param": 0.2, "vf_loss_coeff": 0.5, "kl_coeff": 0.7},
    "all": COEFFS,
}
EACH_CASE = pytest.mark.parametrize("case", CASES)
EACH_COEFFICIENTS = pytest.mark.parametrize("coeffs", COEFFICIENTS.values(), ids=COEFFICIENTS)


def drawn_mask(shapes: Any, rng: np.random.Generator) -> Any:
    """Flags `[ROWS, *shape]`, leaf by leaf; such are set that every choice leaves something."""
    if isinstance(shapes, dict):
        return {key: drawn_mask(shape, rng) for key, shape in shapes.items()}
    flags = rng.integers(2, size=(ROWS, *shapes)).astype(np.int8)
    flags[..., 0] = 1
    # The second choice of several one-hots ends there.
    flags[..., 2:][..., -1:] = 1
    return flags


def batch_of(case: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs to differentiate by, and a batch for them, in float32."""
    descriptor, shapes = CASES[case]
    rng, numpy = np.random.default_rng(3), get_backend("numpy")
    inputs = {"logits": rng.normal(size=(ROWS, descriptor.input_dim)), "values": rng.normal(size=ROWS)}
    batch: dict[str, Any] = {} if shapes is None else {"mask": drawn_mask(shapes, rng)}
    dist = descriptor.bind(numpy.ops).from_logits(_logits(numpy.ops, case, inputs["logits"], batch))
    old = inputs["logits"] + 0.4 * rng.normal(size=inputs["logits"].shape)
    batch["actions"] = dist.sample(rng=numpy.rng(0))
    batch |= {
        "action_logp": dist.logp(batch["actions"]) + 0.4 * rng.normal(size=ROWS),
        "action_dist_inputs": _logits(numpy.ops, case, old, batch),
        "advantages": rng.normal(size=ROWS),
        "value_targets": inputs["values"] + rng.normal(size=ROWS),
        "loss_mask": rng.random(ROWS) < 0.8,
    }
    return map_leaves(_single, inputs), map_leaves(_single, batch)


def _single(leaf: Any) -> Any:
    return leaf.astype(np.float32) if np.issubdtype(leaf.dtype, np.floating) else leaf


def _logits(ops: Any, case: str, logits: Any, batch: Mapping[str, Any]) -> Any:
    descriptor, shapes = CASES[case]
    return logits if shapes is None else masked_inputs(ops, descriptor, logits, batch["mask"])


def loss(ops: Any, case: str, batch: Mapping[str, Any], coeffs: Mapping[str, float], inputs: Mapping[str, Any]) -> Any:
    dist_cls = CASES[case][0].bind(ops)
    outputs = {"action_dist_inputs": _logits(ops, case, inputs["logits"], batch), "vf_preds": inputs["values"]}
    return ppo_loss(ops, outputs, batch, coeffs, new_dist_cls=dist_cls, old_dist_cls=dist_cls)


def exact(case: str, inputs: Any, batch: Any, coeffs: Mapping[str, float]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The loss with its metrics, and its gradients by central differences."""
    ops, given = get_backend("numpy").ops, in_double(batch)
    precise = in_double(inputs)
    total, metrics = loss(ops, case, given, coeffs, precise)
    gradients = {}
    for name, array in precise.items():
        indices, found = central_differences(lambda: loss(ops, case, given, coeffs, precise)[0], array)
        gradients[name] = np.empty_like(array)
        gradients[name].reshape(-1)[indices] = found
    return {"total": total, **metrics}, gradients


@EACH_CASE
@EACH_COEFFICIENTS
def test_the_loss_and_its_gradients_are_those_of_numpy_in_double_precision(case: str, coeffs: dict[str, float]) -> None:
    inputs, batch = batch_of(case)
    losses, gradients = exact(case, inputs, batch, coeffs)
    for backend in map(get_backend, TRAINING):
        native = backend.batch(None, batch)
        found, found_gradients = input_gradients(backend, partial(loss, backend.ops, case, native, coeffs), inputs)
        require_losses_agree(found, losses, backend.name)
        for name, gradient in gradients.items():
            what = f"the gradient with respect to {name} in {backend.name}"
            require_gradient(found_gradients[name], gradient, what)


@EACH_CASE
@EACH_COEFFICIENTS
def test_numpy_computes_in_single_precision_what_it_computes_in_double(case: str, coeffs: dict[str, float]) -> None:
    inputs, batch = batch_of(case)
    ops = get_backend("numpy").ops
    (total, metrics), (wanted, parts) = (
        loss(ops, case, precise(batch), coeffs, precise(inputs)) for precise in (lambda same: same, in_double)
    )
    require_losses_agree({"total": total, **metrics}, {"total": wanted, **parts}, "numpy")


@EACH_CASE
def test_the_batches_reach_every_branch_of_the_loss(case: str) -> None:
    inputs, batch = batch_of(case)
    logits = _logits(get_backend("numpy").ops, case, inputs["logits"], batch)
    dist = CASES[case][0].bind(get_backend("numpy").ops).from_logits(logits)
    ratio = np.exp(dist.logp(batch["actions"]) - batch["action_logp"])
    error, counts = np.square(inputs["values"] - batch["value_targets"]), batch["loss_mask"]
    sides = {(int(np.sign(r - 1)) * (abs(r - 1) > 0.2), a > 0) for r, a in zip(ratio, batch["advantages"], strict=True)}
    assert len(sides) == 6, "ratios below, within and above the clip, of good and of bad actions"
    for column in (error > COEFFS["vf_clip_param"], counts):
        assert 0 < column.sum() < ROWS
    if CASES[case][1] is not None:
        assert (logits == -1e9).any()
