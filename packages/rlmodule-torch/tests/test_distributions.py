from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

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
from rlmodule_torch import TorchBernoulli, TorchSquashedGaussian

_TORCH = get_backend("torch")
_DESCRIPTORS = (
    Categorical(4),
    DiagGaussian((2, 2)),
    MultiCategorical((2, 3, 3)),
    Bernoulli((2, 2)),
    SquashedGaussian((-2.0, 0.0), (6.0, 0.5)),
    MultiDistribution.of({"a": (DiagGaussian(1), Categorical(3)), "b": SquashedGaussian((0.0,), (1.0,))}),
)


def _extremes(width: int, scale: float) -> torch.Tensor:
    signs = np.random.default_rng(0).choice([-1, 0, 1], size=(60, width))
    return torch.from_numpy((signs * scale).astype(np.float32))


@pytest.mark.parametrize("descriptor", _DESCRIPTORS, ids=lambda descriptor: type(descriptor).__name__)
@pytest.mark.parametrize("scale", [1.0, 50.0, 1e4, 1e9])
@pytest.mark.parametrize("measure", ["logp", "entropy", "kl", "kl by the second"])
def test_gradients_stay_finite_at_extremes(descriptor: Descriptor, scale: float, measure: str):
    inputs = _extremes(descriptor.input_dim, scale)
    cls = descriptor.bind(_TORCH.ops)
    other = cls.from_logits(inputs.flip(0))
    inputs = inputs.clone().requires_grad_()
    dist: Any = cls.from_logits(inputs)
    if measure == "logp":
        result = dist.logp(other.sample(rng=_TORCH.rng(0)))
    elif measure == "entropy":
        result = dist.entropy()
    else:
        result = dist.kl(other) if measure == "kl" else other.kl(dist)
    result.sum().backward()
    assert torch.isfinite(result).all()
    assert inputs.grad is not None
    assert torch.isfinite(inputs.grad).all()


def test_by_hand_switches_and_squashed_numbers_need_their_inputs_alone():
    odds = torch.tensor([[-3.0, 3.0]])
    assert TorchBernoulli.from_logits(odds).to_deterministic().sample().tolist() == [[0, 1]]
    squashed = TorchSquashedGaussian.from_logits(torch.tensor([[0.0, 9.0, -1.0, -1.0]]))
    assert squashed.to_deterministic().sample().tolist() == [[0.0, pytest.approx(1.0)]]
    assert (squashed.sample(rng=_TORCH.rng(0)).abs() <= 1).all()
