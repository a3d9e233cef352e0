"""From a rollout to the columns that a learner takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_algorithms.gae import compute_gae, explained_variance, standardised
from rlmodule_algorithms.sampling.rollout import Array, Rollout
from rlmodule_algorithms.sampling.values import state_values
from rlmodule_core import Columns, RLModule
from rlmodule_core.spaces import leaves_of, map_leaves


def actor_critic_batch(
    rollout: Rollout, module: RLModule, *, gamma: float, lambda_: float
) -> tuple[dict[str, Any], dict[str, float]]:
    """Columns to learn from, nested where their space is, with standardised advantages, value targets; and metrics.

    Columns are `[T * B, ...]`; of a module with memory they are sequences, see `transitions`.

    Args:
        rollout: of the module's current weights.
        module: gives the values by one `forward_train` over all states; see `state_values`.
        gamma: the discount.
        lambda_: of GAE.

    Raises:
        SpecCheckingError: the module's `forward_train` gives no `vf_preds`.
    """
    values, next_values = state_values(rollout, module)
    advantages, targets = compute_gae(
        rollout.rewards,
        values,
        next_values,
        rollout.terminateds,
        rollout.truncateds,
        gamma=gamma,
        lambda_=lambda_,
    )
    mask = _mask(rollout)
    columns = {
        **rollout.outputs,
        **rollout.previous,
        Columns.OBS: _without_last(rollout),
        Columns.ADVANTAGES: standardised(advantages, mask),
        Columns.VALUE_TARGETS: targets,
    }
    return _arranged(rollout, columns), {"vf_explained_var": explained_variance(values, targets, mask)}


def transitions(rollout: Rollout) -> dict[str, Any]:
    """Columns `[T * B, ...]` of single steps, each with the observation that followed in the same episode.

    Of a module with memory they are sequences `[N, L, ...]`, cut where episodes end and at `max_seq_len` steps, with
    zeros behind those that are shorter than the longest; then there are also `seq_lens [N]`, `loss_mask [N, L]` and
    `state_in [N, ...]`, the recurrent states that they begin in.
    """
    new_obs = map_leaves(lambda leaf: leaf[1:].copy(), rollout.obs)
    for (t, b), obs in zip(rollout.last_steps, rollout.last_obs, strict=True):
        for leaf, last in zip(leaves_of(new_obs), leaves_of(obs), strict=True):
            leaf[t, b] = last
    columns = {
        **rollout.outputs,
        **rollout.previous,
        Columns.OBS: _without_last(rollout),
        Columns.NEW_OBS: new_obs,
        Columns.REWARDS: rollout.rewards,
        Columns.TERMINATEDS: rollout.terminateds,
        Columns.TRUNCATEDS: rollout.truncateds,
    }
    return _arranged(rollout, columns)


def _mask(rollout: Rollout) -> NDArray[np.bool_] | None:
    return None if rollout.valid.all() else rollout.valid


def _without_last(rollout: Rollout) -> Any:
    return map_leaves(lambda leaf: leaf[:-1], rollout.obs)


def _arranged(rollout: Rollout, columns: dict[str, Any]) -> dict[str, Any]:
    """Columns `[T, B, ...]` as a learner takes them, without the steps that do not count."""
    sequences = rollout.sequences()
    if sequences is not None:
        return {
            **{name: sequences.padded(column) for name, column in columns.items()},
            Columns.STATE_IN: rollout.first_states,
            Columns.SEQ_LENS: sequences.lengths,
            Columns.LOSS_MASK: sequences.mask,
        }
    mask = _mask(rollout)
    if mask is not None:
        return {name: map_leaves(lambda leaf: leaf[mask], column) for name, column in columns.items()}
    return {name: map_leaves(_merged, column) for name, column in columns.items()}


def _merged(leaf: Array) -> Array:
    return leaf.reshape(-1, *leaf.shape[2:])
