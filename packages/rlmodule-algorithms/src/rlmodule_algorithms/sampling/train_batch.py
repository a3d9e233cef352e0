"""From a rollout to the columns that a learner takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_algorithms.gae import compute_gae, explained_variance, standardised
from rlmodule_algorithms.sampling.rollout import Array, Rollout
from rlmodule_core import Columns, RLModule, SpecCheckingError
from rlmodule_core.spaces import leaves_of, map_leaves


def actor_critic_batch(
    rollout: Rollout, module: RLModule, *, gamma: float, lambda_: float
) -> tuple[dict[str, Any], dict[str, float]]:
    """Columns `[T * B, ...]`, nested where their space is, with standardised advantages, value targets; and metrics.

    Args:
        rollout: of the module's current weights.
        module: gives the values by one `forward_train` over all states.
        gamma: the discount.
        lambda_: of GAE.

    Raises:
        SpecCheckingError: the module's `forward_train` gives no `vf_preds`.
    """
    values, next_values = _values(rollout, module)
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
        Columns.OBS: _without_last(rollout),
        Columns.ADVANTAGES: standardised(advantages, mask),
        Columns.VALUE_TARGETS: targets,
    }
    return _rows(columns, mask), {"vf_explained_var": explained_variance(values, targets, mask)}


def transitions(rollout: Rollout) -> dict[str, Any]:
    """Columns `[T * B, ...]` of single steps, each with the observation that followed in the same episode."""
    new_obs = map_leaves(lambda leaf: leaf[1:].copy(), rollout.obs)
    for (t, b), obs in zip(rollout.last_steps, rollout.last_obs, strict=True):
        for leaf, last in zip(leaves_of(new_obs), leaves_of(obs), strict=True):
            leaf[t, b] = last
    columns = {
        **rollout.outputs,
        Columns.OBS: _without_last(rollout),
        Columns.NEW_OBS: new_obs,
        Columns.REWARDS: rollout.rewards,
        Columns.TERMINATEDS: rollout.terminateds,
        Columns.TRUNCATEDS: rollout.truncateds,
    }
    return _rows(columns, _mask(rollout))


def _mask(rollout: Rollout) -> NDArray[np.bool_] | None:
    return None if rollout.valid.all() else rollout.valid


def _without_last(rollout: Rollout) -> Any:
    return map_leaves(lambda leaf: leaf[:-1], rollout.obs)


def _rows(columns: dict[str, Any], mask: NDArray[np.bool_] | None) -> dict[str, Any]:
    """Merge time and environments, leaving out the rows that do not count."""
    if mask is not None:
        return {name: map_leaves(lambda leaf: leaf[mask], column) for name, column in columns.items()}
    return {name: map_leaves(_merged, column) for name, column in columns.items()}


def _merged(leaf: Array) -> Array:
    return leaf.reshape(-1, *leaf.shape[2:])


def _values(rollout: Rollout, module: RLModule) -> tuple[Array, Array]:
    """V(s_t) and V(s_{t+1}) of the same episode, `[T, B]` each."""
    steps, envs = rollout.rewards.shape
    # A copy: a forward of the user's may work in place.
    states = map_leaves(lambda leaf: _merged(leaf).copy(), rollout.obs)
    # A terminal state is worth nothing, so only the last states of episodes that were cut are asked for.
    cuts = [i for i, step in enumerate(rollout.last_steps) if not rollout.terminateds[step]]
    if cuts:
        ends = [rollout.last_obs[i] for i in cuts]
        states = map_leaves(lambda leaf, *last: np.concatenate([leaf, np.stack(last)]), states, *ends)
    count = (steps + 1) * envs + len(cuts)
    space = None if module.config is None else module.config.observation_space
    batch = {Columns.OBS: module.backend.batch(space, states, like=module)}
    outputs = module.evaluate_train(batch)
    if Columns.VF_PREDS not in outputs:
        raise SpecCheckingError(
            f"{type(module).__name__}.forward_train returned {sorted(outputs)}, but its values are needed: return "
            f"{Columns.VF_PREDS!r} of shape [B] from _forward_train."
        )
    predictions = module.backend.to_numpy(outputs[Columns.VF_PREDS])
    if predictions.shape != (count,):
        # [B, 1] would broadcast against the targets [B] to [B, B], and learn nonsense without a word.
        raise SpecCheckingError(
            f"{type(module).__name__}.forward_train returned {Columns.VF_PREDS!r} of shape {predictions.shape} for a "
            f"batch of {count}, expected ({count},): drop its other axes in _forward_train."
        )
    grid = predictions[: (steps + 1) * envs].reshape(steps + 1, envs)
    next_values = grid[1:].copy()
    for i, value in zip(cuts, predictions[(steps + 1) * envs :], strict=True):
        next_values[rollout.last_steps[i]] = value
    return grid[:-1], next_values
