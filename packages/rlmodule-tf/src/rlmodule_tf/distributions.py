"""The action distributions bound to TensorFlow, for modules that choose theirs by hand.

Those that need to know more than their inputs are bound from a descriptor: `MultiCategorical((2, 3)).bind(OPS)`,
with `get_backend("tf2").ops` as OPS.
"""

from __future__ import annotations

from typing import ClassVar

import rlmodule_core as core
from rlmodule_tf.ops import OPS


class _Bound:
    ops: ClassVar[core.Ops] = OPS


class TfCategorical(_Bound, core.CategoricalDistribution):
    """See CategoricalDistribution: actions are counted from 0."""


class TfDiagGaussian(_Bound, core.DiagGaussianDistribution):
    """See DiagGaussianDistribution."""


class TfDeterministic(_Bound, core.DeterministicDistribution):
    """See DeterministicDistribution."""


class TfBernoulli(_Bound, core.BernoulliDistribution):
    """See BernoulliDistribution."""


class TfSquashedGaussian(_Bound, core.SquashedGaussianDistribution):
    """See SquashedGaussianDistribution: between -1 and 1."""
