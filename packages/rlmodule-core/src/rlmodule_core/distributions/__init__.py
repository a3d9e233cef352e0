"""Action distributions, written once for every framework."""

from rlmodule_core.distributions.base import Distribution
from rlmodule_core.distributions.bernoulli import Bernoulli, BernoulliDistribution
from rlmodule_core.distributions.categorical import Categorical, CategoricalDistribution
from rlmodule_core.distributions.descriptor import Descriptor, bound_class
from rlmodule_core.distributions.deterministic import Deterministic, DeterministicDistribution
from rlmodule_core.distributions.diag_gaussian import DiagGaussian, DiagGaussianDistribution
from rlmodule_core.distributions.env_actions import to_env_actions
from rlmodule_core.distributions.for_space import distribution_for
from rlmodule_core.distributions.masks import mask_shapes, masked_inputs, without_legal_action
from rlmodule_core.distributions.multi_categorical import MultiCategorical, MultiCategoricalDistribution
from rlmodule_core.distributions.multi_distribution import JointDistribution, MultiDistribution
from rlmodule_core.distributions.squashed_gaussian import SquashedGaussian, SquashedGaussianDistribution

DESCRIPTORS = (
    Categorical,
    DiagGaussian,
    Deterministic,
    MultiCategorical,
    Bernoulli,
    SquashedGaussian,
    MultiDistribution,
)

__all__ = [
    "DESCRIPTORS",
    "Bernoulli",
    "BernoulliDistribution",
    "Categorical",
    "CategoricalDistribution",
    "Descriptor",
    "Deterministic",
    "DeterministicDistribution",
    "DiagGaussian",
    "DiagGaussianDistribution",
    "Distribution",
    "JointDistribution",
    "MultiCategorical",
    "MultiCategoricalDistribution",
    "MultiDistribution",
    "SquashedGaussian",
    "SquashedGaussianDistribution",
    "bound_class",
    "distribution_for",
    "mask_shapes",
    "masked_inputs",
    "to_env_actions",
    "without_legal_action",
]
