"""Batches for PPO, the same for every framework, and PPO's loss of a module in any of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlmodule_algorithms import ppo_loss
from rlmodule_algorithms.masked import counted_steps
from rlmodule_core import Columns, RLModule
from rlmodule_core.backend import Loss
from rlmodule_core.spaces import leaves_of, map_leaves
from rlmodule_core.testing.batches import native_batch
from rlmodule_core.testing.compare import Array

COEFFS = {"clip_param": 0.2, "vf_loss_coeff": 0.5, "vf_clip_param": 0.8, "entropy_coeff": 0.02, "kl_coeff": 0.3}

_PER_SEQUENCE = (Columns.STATE_IN, Columns.SEQ_LENS, Columns.LOSS_MASK)


def inputs_of(module: RLModule, *, rows: int) -> dict[str, Any]:
    """What forwards of the module take, in numpy: of one with memory sequences, and a state before each."""
    columns = native_batch(module.to_framework("numpy"), module.config.observation_space, rows=rows)
    leave_a_choice(columns[Columns.OBS])
    return columns


def leave_a_choice(obs: Any) -> Any:
    """Make the first of each choice legal in the masks of the observations, in place."""
    if isinstance(obs, Mapping) and Columns.ACTION_MASK in obs:
        for mask in leaves_of(obs[Columns.ACTION_MASK]):
            mask[..., 0] = 1
    return obs


def ppo_columns(module: RLModule, *, rows: int = 12, seed: int = 0) -> dict[str, Any]:
    """The columns `[rows, ...]` of an update, in numpy; of a module with memory padded sequences `[rows, L, ...]`.

    The policy that acted was another than the module's, so that ratios lie on both sides of the clip and the
    divergence is not at its minimum; values are off by as much as they are clipped at.
    """
    oracle, rng = module.to_framework("numpy"), np.random.default_rng(seed)
    columns = inputs_of(module, rows=rows)
    outputs = oracle.forward_train(columns)
    inputs, values = outputs[Columns.ACTION_DIST_INPUTS], outputs[Columns.VF_PREDS]
    dist = oracle.get_train_action_dist_cls().from_logits(inputs)
    actions = dist.sample(rng=oracle.backend.rng(seed))
    columns |= {
        Columns.ACTIONS: actions,
        Columns.ACTION_LOGP: dist.logp(actions) + 0.3 * rng.normal(size=values.shape),
        # Illegal actions were illegal then, too.
        Columns.ACTION_DIST_INPUTS: np.where(inputs > -1e8, inputs + 0.3 * rng.normal(size=inputs.shape), inputs),
        Columns.ADVANTAGES: rng.normal(size=values.shape),
        Columns.VALUE_TARGETS: values + rng.normal(size=values.shape),
    }
    single = map_leaves(_single, columns)
    return _padded(single, values.shape[1], rng) if module.is_stateful() else single


def _single(leaf: Array) -> Array:
    return leaf.astype(np.float32) if np.issubdtype(leaf.dtype, np.floating) else leaf


def _padded(columns: dict[str, Any], longest: int, rng: np.random.Generator) -> dict[str, Any]:
    lengths = rng.integers(1, longest + 1, size=len(columns[Columns.ADVANTAGES]))
    lengths[0] = longest
    mask = np.arange(longest) < lengths[:, None]
    extended = {**columns, Columns.SEQ_LENS: lengths, Columns.LOSS_MASK: mask}
    return with_padding(extended, lambda leaf: np.zeros_like(leaf))


def with_padding(columns: Mapping[str, Any], fill: Any) -> dict[str, Any]:
    """The columns with `fill(leaf)` behind each sequence."""
    mask = columns[Columns.LOSS_MASK]

    def filled(leaf: Array) -> Array:
        return np.where(mask.reshape(*mask.shape, *[1] * (leaf.ndim - 2)), leaf, fill(leaf)).astype(leaf.dtype)

    return {name: column if name in _PER_SEQUENCE else map_leaves(filled, column) for name, column in columns.items()}


def five_batches(module: RLModule) -> list[dict[str, Any]]:
    """Five batches of `ppo_columns`, of eight rows or sequences each."""
    columns = ppo_columns(module, rows=40)
    return [map_leaves(lambda leaf, at=at: leaf[at : at + 8], columns) for at in range(0, 40, 8)]


def loss_of(module: RLModule) -> Loss:
    """PPO's loss of the module, of the steps that count."""
    new, old = module.get_train_action_dist_cls(), module.get_exploration_action_dist_cls()

    def loss(ops: Any, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Mapping[str, Any]) -> Any:
        if Columns.SEQ_LENS in batch:
            mask = batch[Columns.LOSS_MASK]
            outputs, batch = counted_steps(ops, outputs, mask), counted_steps(ops, batch, mask)
        return ppo_loss(ops, outputs, batch, coeffs, new_dist_cls=new, old_dist_cls=old)

    return loss
