"""Generalised advantage estimation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Booleans = NDArray[np.bool_]


def compute_gae(
    rewards: Floats,
    values: Floats,
    next_values: Floats,
    terminateds: Booleans,
    truncateds: Booleans,
    *,
    gamma: float,
    lambda_: float,
) -> tuple[Floats, Floats]:
    """Advantages and value targets (Schulman et al. 2016, https://arxiv.org/abs/1506.02438).

    All arrays are time-major `[T, B]`. An episode that terminates is worth nothing more; one that is truncated is
    worth `next_values`, the value of the state it was cut in, and lends nothing to the episode that follows.

    Args:
        rewards: r_t.
        values: V(s_t).
        next_values: V(s_{t+1}), of the same episode as s_t.
        terminateds: s_{t+1} is terminal.
        truncateds: the episode was cut at s_{t+1}.
        gamma: the discount.
        lambda_: the weight of longer estimates.

    Returns:
        The advantages and the targets (advantages plus values), `[T, B]` each.
    """
    deltas = rewards + gamma * np.where(terminateds, 0.0, next_values) - values
    carry = gamma * lambda_ * ~(terminateds | truncateds)
    advantages: NDArray[Any] = np.empty_like(deltas)
    running = np.zeros_like(deltas[0])
    for t in reversed(range(len(deltas))):
        running = deltas[t] + carry[t] * running
        advantages[t] = running
    return advantages.astype(np.float32), (advantages + values).astype(np.float32)


def standardised(advantages: Floats, mask: Booleans | None) -> Floats:
    """The advantages with mean 0 and variance 1 over the rows where `mask` is True."""
    counted = advantages if mask is None else advantages[mask]
    if counted.size == 0:
        return advantages
    scaled: Floats = (advantages - counted.mean()) / max(float(counted.std()), 1e-4)
    return scaled


def explained_variance(predictions: Floats, targets: Floats, mask: Booleans | None) -> float:
    """How much of the targets' variance the predictions explain: 1 is all, 0 no better than a constant."""
    counted = slice(None) if mask is None else mask
    variance = float(np.var(targets[counted])) if targets[counted].size else 0.0
    return 0.0 if variance == 0.0 else max(-1.0, 1.0 - float(np.var((targets - predictions)[counted])) / variance)
