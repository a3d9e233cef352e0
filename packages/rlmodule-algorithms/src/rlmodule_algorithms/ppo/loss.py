"""The PPO loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlmodule_algorithms.masked import masked_mean
from rlmodule_core import Columns, Distribution, Ops, SpecCheckingError, Tensor


def ppo_loss(
    ops: Ops,
    outputs: Mapping[str, Any],
    batch: Mapping[str, Any],
    coeffs: Mapping[str, Any],
    *,
    new_dist_cls: type[Distribution],
    old_dist_cls: type[Distribution],
) -> tuple[Tensor, dict[str, Tensor]]:
    """Clipped surrogate, squared value error, entropy bonus and KL penalty.

    Schulman et al. 2017, https://arxiv.org/abs/1707.06347. Every mean is over the rows where `loss_mask` is True.

    Args:
        ops: the framework's tensor functions.
        outputs: of `forward_train`: `action_dist_inputs [B, A]`, `vf_preds [B]`.
        batch: `actions`, `action_logp`, `advantages`, `value_targets`, `[B]` each; `action_dist_inputs [B, A]` where
            `coeffs` has `kl_coeff`; `loss_mask [B]` optionally.
        coeffs: `clip_param`, `vf_loss_coeff`; optionally `entropy_coeff`, without which or at 0.0 the entropy is only
            reported, `vf_clip_param` and `kl_coeff`.
        new_dist_cls: the distribution of the outputs.
        old_dist_cls: the distribution of the batch.

    Returns:
        The loss and its parts, 0-d.
    """
    mask = batch.get(Columns.LOSS_MASK)
    new_dist = new_dist_cls.from_logits(outputs[Columns.ACTION_DIST_INPUTS])
    advantages = batch[Columns.ADVANTAGES]
    ratio = ops.exp(new_dist.logp(batch[Columns.ACTIONS]) - batch[Columns.ACTION_LOGP])
    if tuple(ratio.shape) != tuple(advantages.shape):
        raise SpecCheckingError(
            f"Log-probabilities and advantages must have one number a row, got ratios of shape {tuple(ratio.shape)} "
            f"for advantages of shape {tuple(advantages.shape)}. Check the shape of 'action_dist_inputs' and the "
            f"distribution's logp ({new_dist_cls.__name__})."
        )
    clipped = ops.clip(ratio, 1.0 - coeffs["clip_param"], 1.0 + coeffs["clip_param"])
    surrogate = ops.minimum(advantages * ratio, advantages * clipped)
    squared_error = ops.square(outputs[Columns.VF_PREDS] - batch[Columns.VALUE_TARGETS])
    unclipped = vf_loss = masked_mean(ops, squared_error, mask)
    if "vf_clip_param" in coeffs:
        vf_loss = masked_mean(ops, ops.minimum(squared_error, coeffs["vf_clip_param"]), mask)

    metrics = {
        "policy_loss": -masked_mean(ops, surrogate, mask),
        "vf_loss": vf_loss,
        "vf_loss_unclipped": unclipped,
        "entropy": masked_mean(ops, new_dist.entropy(), mask),
    }
    total = metrics["policy_loss"] + coeffs["vf_loss_coeff"] * metrics["vf_loss"]
    weight = coeffs.get("entropy_coeff", 0.0)
    if not (isinstance(weight, float) and weight == 0.0):
        # Else the entropy's gradient would be computed for nothing. A tensor is not asked, which a trace could not do.
        total = total - weight * metrics["entropy"]
    if "kl_coeff" in coeffs:
        old_dist = old_dist_cls.from_logits(batch[Columns.ACTION_DIST_INPUTS])
        metrics["mean_kl_loss"] = masked_mean(ops, old_dist.kl(new_dist), mask)
        total = total + coeffs["kl_coeff"] * metrics["mean_kl_loss"]
    return total, metrics
