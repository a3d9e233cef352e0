"""The action distributions bound to torch, for modules that choose theirs by hand.

Those that need to know more than their inputs are bound from a descriptor: `MultiCategorical((2, 3)).bind(OPS)`,
`MultiDistribution.of(tree).bind(OPS)`, with `get_backend("torch").ops` as OPS.
"""

from __future__ import annotations

from rlmodule_core import (
    BernoulliDistribution,
    CategoricalDistribution,
    DeterministicDistribution,
    DiagGaussianDistribution,
    SquashedGaussianDistribution,
)
from rlmodule_torch.ops import OPS


class TorchCategorical(CategoricalDistribution):
    """One of n actions, counted from 0, by logits `[B, n]`."""

    ops = OPS


class TorchDiagGaussian(DiagGaussianDistribution):
    """Independent Gaussians, by means and log standard deviations `[B, 2 d]`."""

    ops = OPS


class TorchDeterministic(DeterministicDistribution):
    """The network's outputs `[B, d]` themselves as actions."""

    ops = OPS


class TorchBernoulli(BernoulliDistribution):
    """Switches `[B, d]`, 0 or 1, by the log-odds of 1 `[B, d]`."""

    ops = OPS


class TorchSquashedGaussian(SquashedGaussianDistribution):
    """Independent Gaussians squashed to between -1 and 1, by means and log standard deviations `[B, 2 d]`."""

    ops = OPS
