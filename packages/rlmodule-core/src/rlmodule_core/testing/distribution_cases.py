"""What the exam of distributions asks about: descriptors, each with a space, and inputs for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_core.distributions import (
    Bernoulli,
    Categorical,
    Descriptor,
    DiagGaussian,
    MultiCategorical,
    MultiDistribution,
    SquashedGaussian,
)
from rlmodule_core.testing.compare import Array

Case = tuple[Descriptor, gym.Space[Any]]


def _box(low: Any, high: Any) -> gym.Space[Any]:
    return gym.spaces.Box(np.array(low, np.float32), np.array(high, np.float32))


CASES: Sequence[Case] = (
    (Categorical(4), gym.spaces.Discrete(4)),
    (Categorical(3, start=-2), gym.spaces.Discrete(3, start=-2)),
    (DiagGaussian(1), gym.spaces.Box(-1.0, 1.0, (1,))),
    (DiagGaussian(3), gym.spaces.Box(-1.0, 1.0, (3,))),
    (DiagGaussian((2, 1)), gym.spaces.Box(0.0, np.inf, (2, 1))),
    (DiagGaussian(()), gym.spaces.Box(-np.inf, np.inf, ())),
    (MultiCategorical((3, 2, 2)), gym.spaces.MultiDiscrete([3, 2, 2])),
    (
        MultiCategorical((2, 3, 3, 2), start=(0, -1, -1, 4), shape=(2, 2)),
        gym.spaces.MultiDiscrete(np.array([[2, 3], [3, 2]]), start=np.array([[0, -1], [-1, 4]])),
    ),
    (Bernoulli(3), gym.spaces.MultiBinary(3)),
    (Bernoulli((1, 2)), gym.spaces.MultiBinary((1, 2))),
    (SquashedGaussian((-1.0,), (1.0,)), gym.spaces.Box(-1.0, 1.0, (1,))),
    (SquashedGaussian((-2.0, 0.0), (6.0, 0.5), shape=(2, 1)), _box([[-2.0], [0.0]], [[6.0], [0.5]])),
    (
        MultiDistribution.of({"aim": DiagGaussian(2), "go": (Categorical(3, start=1), Bernoulli(2))}),
        gym.spaces.Dict(
            {
                "aim": gym.spaces.Box(-2.0, 6.0, (2,)),
                "go": gym.spaces.Tuple((gym.spaces.Discrete(3, start=1), gym.spaces.MultiBinary(2))),
            }
        ),
    ),
    (
        MultiDistribution.of((SquashedGaussian((-1.0,), (3.0,)), DiagGaussian(1))),
        gym.spaces.Tuple((gym.spaces.Box(-1.0, 3.0, (1,)), gym.spaces.Box(-1.0, 1.0, (1,)))),
    ),
)


def inputs_of(descriptor: Descriptor, leading: tuple[int, ...], *, seed: int = 0) -> Array:
    """Usual inputs `[*leading, input_dim]`."""
    return np.random.default_rng(seed).normal(size=(*leading, descriptor.input_dim)).astype(np.float32)


def masked_of(descriptor: Descriptor, seed: int) -> Array:
    """Usual inputs `[20, input_dim]` in which about half of the actions, choice by choice, are masked."""
    rng, inputs = np.random.default_rng(seed), inputs_of(descriptor, (20,), seed=seed)
    return np.where((rng.random(inputs.shape) < 0.5) & _maskable(descriptor), np.float32(-1e9), inputs)


def _maskable(descriptor: Descriptor) -> list[bool]:
    """Which inputs say how likely an action is."""
    if isinstance(descriptor, MultiDistribution):
        return [masked for child in descriptor.children for masked in _maskable(child)]
    return [isinstance(descriptor, Categorical | MultiCategorical | Bernoulli)] * descriptor.input_dim


def extremes_of(descriptor: Descriptor) -> Array:
    """Large and huge inputs `[160, input_dim]` of both signs."""
    signs = np.random.default_rng(0).choice([-1, 0, 1], size=(40, descriptor.input_dim))
    # The last is how an illegal action is masked.
    return np.concatenate([signs * scale for scale in (1.0, 50.0, 1e4, 1e9)]).astype(np.float32)
