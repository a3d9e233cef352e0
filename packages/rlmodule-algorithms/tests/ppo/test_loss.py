from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_layers import EACH_FRAMEWORK, EACH_TRAINING, gradients, leaf, tensor

from rlmodule_algorithms import ppo_loss
from rlmodule_core import Categorical, DiagGaussian, SpecCheckingError, get_backend

COEFFS = {"clip_param": 0.2, "vf_loss_coeff": 0.7, "entropy_coeff": 0.3, "kl_coeff": 1.5, "vf_clip_param": 2.0}
DESCRIPTORS = {"categorical": Categorical(3), "gaussian": DiagGaussian(2)}
Inputs = tuple[dict[str, Any], dict[str, Any]]


def random_inputs(kind: str, seed: int, rows: int = 12) -> Inputs:
    """Outputs and batch in float64, with ratios on both sides of the clipping limits."""
    rng = np.random.default_rng(seed)
    width = DESCRIPTORS[kind].input_dim
    old = 0.5 * rng.normal(size=(rows, width))
    actions = rng.integers(3, size=rows) if kind == "categorical" else rng.normal(size=(rows, 2))
    outputs = {"action_dist_inputs": old + 0.4 * rng.normal(size=old.shape), "vf_preds": 2 * rng.normal(size=rows)}
    batch = {
        "actions": actions,
        "action_logp": log_density(kind, old, actions),
        "action_dist_inputs": old,
        "advantages": rng.normal(size=rows),
        "value_targets": rng.normal(size=rows),
    }
    return outputs, batch


def log_density(kind: str, inputs: Any, actions: Any) -> Any:
    if kind == "categorical":
        return np.array([row[action] - np.log(np.exp(row).sum()) for row, action in zip(inputs, actions, strict=True)])
    mean, deviation = inputs[:, :2], np.exp(inputs[:, 2:])
    return np.log(np.exp(-((actions - mean) ** 2) / (2 * deviation**2)) / np.sqrt(2 * np.pi * deviation**2)).sum(1)


def entropy(kind: str, inputs: Any) -> Any:
    if kind == "categorical":
        p = np.exp(inputs) / np.exp(inputs).sum(1, keepdims=True)
        return -(p * np.log(p)).sum(1)
    return (0.5 * np.log(2 * np.pi * np.e * np.exp(inputs[:, 2:]) ** 2)).sum(1)


def divergence(kind: str, old: Any, new: Any) -> Any:
    if kind == "categorical":
        p, q = (np.exp(x) / np.exp(x).sum(1, keepdims=True) for x in (old, new))
        return (p * np.log(p / q)).sum(1)
    s, t = np.exp(old[:, 2:]), np.exp(new[:, 2:])
    return (np.log(t / s) + (s**2 + (old[:, :2] - new[:, :2]) ** 2) / (2 * t**2) - 0.5).sum(1)


def expected(kind: str, outputs: Any, batch: Any, coeffs: Mapping[str, float]) -> dict[str, float]:
    """The loss as the paper writes it, row by row."""
    new, old = outputs["action_dist_inputs"], batch["action_dist_inputs"]
    ratio = np.exp(log_density(kind, new, batch["actions"]) - batch["action_logp"])
    gain = batch["advantages"]
    surrogate = [min(r * a, np.clip(r, 0.8, 1.2) * a) for r, a in zip(ratio, gain, strict=True)]
    error = (outputs["vf_preds"] - batch["value_targets"]) ** 2
    parts = {
        "policy_loss": -np.mean(surrogate),
        "vf_loss": np.minimum(error, coeffs.get("vf_clip_param", np.inf)).mean(),
        "vf_loss_unclipped": error.mean(),
        "entropy": entropy(kind, new).mean(),
    }
    total = parts["policy_loss"] + coeffs["vf_loss_coeff"] * parts["vf_loss"]
    total -= coeffs.get("entropy_coeff", 0.0) * parts["entropy"]
    if "kl_coeff" in coeffs:
        parts["mean_kl_loss"] = divergence(kind, old, new).mean()
        total += coeffs["kl_coeff"] * parts["mean_kl_loss"]
    return {"total": float(total), **{name: float(value) for name, value in parts.items()}}


def native(framework: str, columns: Any) -> dict[str, Any]:
    return {name: tensor(framework, column) for name, column in columns.items()}


def computed(framework: str, kind: str, outputs: Any, batch: Any, coeffs: Any) -> dict[str, float]:
    ops, dist_cls = get_backend(framework).ops, DESCRIPTORS[kind].bind(get_backend(framework).ops)
    outputs, batch = native(framework, outputs), native(framework, batch)
    total, parts = ppo_loss(ops, outputs, batch, coeffs, new_dist_cls=dist_cls, old_dist_cls=dist_cls)
    return {"total": float(total), **{name: float(value) for name, value in parts.items()}}


@pytest.mark.parametrize("kind", DESCRIPTORS)
@EACH_FRAMEWORK
@given(seed=st.integers(0, 2**31))
def test_the_loss_and_its_parts_equal_an_independent_computation(framework: str, kind: str, seed: int) -> None:
    inputs = random_inputs(kind, seed)
    found = computed(framework, kind, *inputs, COEFFS)
    assert found == pytest.approx(expected(kind, *inputs, COEFFS), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("left_out", ["kl_coeff", "vf_clip_param", "entropy_coeff"])
@EACH_FRAMEWORK
def test_the_kl_penalty_the_value_clip_and_the_entropy_bonus_are_optional(framework: str, left_out: str) -> None:
    inputs = random_inputs("categorical", 1)
    coeffs = {name: value for name, value in COEFFS.items() if name != left_out}
    found = computed(framework, "categorical", *inputs, coeffs)
    assert found == pytest.approx(expected("categorical", *inputs, coeffs))
    assert ("mean_kl_loss" in found) == (left_out != "kl_coeff")


@EACH_TRAINING
@pytest.mark.parametrize("traced", [False, True])
def test_an_entropy_that_does_not_count_takes_no_part_in_the_gradient(traced: bool, framework: str) -> None:
    ops = get_backend(framework).ops

    class Unknown(Categorical(3).bind(ops)):  # type: ignore[misc]
        def entropy(self) -> Any:
            return super().entropy() * np.nan

    outputs, batch = (native(framework, side) for side in random_inputs("categorical", 1))
    coeffs = COEFFS | {"entropy_coeff": tensor(framework, np.float64(0.0)) if traced else 0.0}
    total, _ = ppo_loss(ops, outputs, batch, coeffs, new_dist_cls=Unknown, old_dist_cls=Unknown)
    assert bool(np.isfinite(float(total))) is not traced


def test_without_a_kl_penalty_the_old_distribution_is_not_needed() -> None:
    outputs, batch = random_inputs("categorical", 1)
    del batch["action_dist_inputs"]
    coeffs = {name: value for name, value in COEFFS.items() if name != "kl_coeff"}
    assert np.isfinite(computed("numpy", "categorical", outputs, batch, coeffs)["total"])


@pytest.mark.parametrize("kind", DESCRIPTORS)
@EACH_FRAMEWORK
@pytest.mark.parametrize("garbage", [99.0, np.nan])
def test_masked_rows_do_not_count_even_when_they_are_not_numbers(framework: str, kind: str, garbage: float) -> None:
    outputs, batch = random_inputs(kind, 3)
    mask = np.arange(12) % 3 != 0
    kept = [{name: value[mask] for name, value in side.items()} for side in (outputs, batch)]
    for column in (*outputs.values(), *(batch[name] for name in batch if name != "actions")):
        column[~mask] = garbage
    found = computed(framework, kind, outputs, {**batch, "loss_mask": mask}, COEFFS)
    assert found == pytest.approx(computed(framework, kind, *kept, COEFFS), rel=1e-9)


def gradient_of_one(framework: str, advantage: float, ratio: float) -> Any:
    """The gradient of the surrogate for the logits of one row whose ratio is as given."""
    logits, ops = leaf(framework, np.zeros((1, 3))), get_backend(framework).ops
    columns = {
        "actions": np.array([1]),
        "action_logp": np.array([np.log(1 / 3) - np.log(ratio)]),
        "advantages": np.array([advantage]),
        "value_targets": np.zeros(1),
    }
    batch, values = native(framework, columns), tensor(framework, np.zeros(1))
    dist_cls = Categorical(3).bind(ops)
    coeffs = {"clip_param": 0.2, "vf_loss_coeff": 0.0, "entropy_coeff": 0.0}

    def run() -> Any:
        outputs = {"action_dist_inputs": logits + 0.0, "vf_preds": values}
        return ppo_loss(ops, outputs, batch, coeffs, new_dist_cls=dist_cls, old_dist_cls=dist_cls)[0]

    (gradient,) = gradients(framework, run, [logits])
    return gradient[0]


@EACH_TRAINING
@pytest.mark.parametrize(("advantage", "ratio"), [(1.0, 1.21), (1.0, 3.0), (-1.0, 0.79), (-1.0, 0.1)])
def test_a_ratio_that_has_gone_far_enough_gets_no_gradient(framework: str, advantage: float, ratio: float) -> None:
    assert gradient_of_one(framework, advantage, ratio).tolist() == [0.0, 0.0, 0.0]


@EACH_TRAINING
@pytest.mark.parametrize(("advantage", "ratio"), [(1.0, 0.1), (1.0, 1.19), (-1.0, 3.0), (-1.0, 0.81)])
def test_a_ratio_on_the_wrong_side_or_inside_the_limits_gets_one(
    framework: str, advantage: float, ratio: float
) -> None:
    # d(-A r) / d logit_a = -A r (1 - p_a)
    assert gradient_of_one(framework, advantage, ratio)[1] == pytest.approx(-advantage * ratio * (2 / 3))


@EACH_TRAINING
def test_a_value_error_beyond_the_clip_gets_no_gradient(framework: str) -> None:
    outputs, batch = random_inputs("categorical", 5, rows=2)
    values, ops = leaf(framework, np.array([0.5, 9.0])), get_backend(framework).ops
    columns = native(framework, {**batch, "value_targets": np.zeros(2)})
    inputs, dist_cls = tensor(framework, outputs["action_dist_inputs"]), Categorical(3).bind(ops)

    def run() -> Any:
        sides = {"action_dist_inputs": inputs, "vf_preds": values + 0.0}
        return ppo_loss(ops, sides, columns, COEFFS, new_dist_cls=dist_cls, old_dist_cls=dist_cls)[0]

    (gradient,) = gradients(framework, run, [values])
    assert gradient.tolist() == pytest.approx([0.7 * 2 * 0.5 / 2, 0.0])


def test_log_probabilities_that_would_broadcast_are_refused() -> None:
    outputs, batch = random_inputs("categorical", 0)
    batch = {**batch, "advantages": batch["advantages"][:, None]}
    with pytest.raises(SpecCheckingError, match=r"ratios of shape \(12,\) for advantages of shape \(12, 1\)"):
        computed(
            "numpy", "categorical", outputs, batch, {"clip_param": 0.2, "vf_loss_coeff": 0.5, "entropy_coeff": 0.0}
        )
