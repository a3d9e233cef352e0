"""Action distributions, written once for every framework."""

from rlmodule_core.distributions.base import Distribution
from rlmodule_core.distributions.categorical import Categorical, CategoricalDistribution
from rlmodule_core.distributions.descriptor import Descriptor, bound_class
from rlmodule_core.distributions.deterministic import Deterministic, DeterministicDistribution
from rlmodule_core.distributions.diag_gaussian import DiagGaussian, DiagGaussianDistribution
from rlmodule_core.distributions.env_actions import to_env_actions
from rlmodule_core.distributions.for_space import distribution_for

DESCRIPTORS = (Categorical, DiagGaussian, Deterministic)

__all__ = [
    "DESCRIPTORS",
    "Categorical",
    "CategoricalDistribution",
    "Descriptor",
    "Deterministic",
    "DeterministicDistribution",
    "DiagGaussian",
    "DiagGaussianDistribution",
    "Distribution",
    "bound_class",
    "distribution_for",
    "to_env_actions",
]
