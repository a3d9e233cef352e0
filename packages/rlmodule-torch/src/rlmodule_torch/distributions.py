"""The action distributions bound to torch, for modules that choose theirs by hand."""

from __future__ import annotations

from rlmodule_core import CategoricalDistribution, DeterministicDistribution, DiagGaussianDistribution
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
