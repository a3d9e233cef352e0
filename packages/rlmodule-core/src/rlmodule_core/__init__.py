"""The stable core interface: everything that the other packages and their users build on.

Plans and their records are in `rlmodule_core.plans`.
"""

from rlmodule_core.__about__ import INTERFACE, __version__
from rlmodule_core.backend import (
    Backend,
    GradientClip,
    Loss,
    Ops,
    Optimizer,
    OptimizerSettings,
    Rng,
    Tensor,
    TrainingBackend,
    batch_array,
    get_backend,
    get_training_backend,
    network_dtype,
)
from rlmodule_core.columns import DEFAULT_MODULE_ID, Columns
from rlmodule_core.configs import (
    ActorCriticEncoderConfig,
    FreeLogStdMLPHeadConfig,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModelConfig,
    build_network,
)
from rlmodule_core.distributions import (
    Categorical,
    CategoricalDistribution,
    Descriptor,
    Deterministic,
    DeterministicDistribution,
    DiagGaussian,
    DiagGaussianDistribution,
    Distribution,
    bound_class,
    distribution_for,
    to_env_actions,
)
from rlmodule_core.errors import (
    BackendNotFoundError,
    CheckpointError,
    ConfigError,
    NotANumberError,
    PluginError,
    RLModuleError,
    SpecCheckingError,
    StateError,
    UnknownIdError,
    UnsupportedSpaceError,
    nearest,
)
from rlmodule_core.interface import check_interface
from rlmodule_core.module.actions import acting_descriptor, compute_actions, require_stateless
from rlmodule_core.module.actor_critic import ActorCriticCatalog, ActorCriticRLModule, descriptor_of
from rlmodule_core.module.config import RLModuleConfig
from rlmodule_core.module.plans import ModulePlans
from rlmodule_core.module.policy import Policy
from rlmodule_core.module.resolve import resolve_module_class
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.module.session import Session
from rlmodule_core.module.spec import SingleAgentRLModuleSpec
from rlmodule_core.module_like import ModuleLike
from rlmodule_core.spaces import space_from_dict, space_to_dict
from rlmodule_core.specs import (
    AnyOf,
    SpecDict,
    SpecType,
    TensorSpec,
    TypeSpec,
    check_input_specs,
    check_output_specs,
    spec_checks,
)

__all__ = [
    "DEFAULT_MODULE_ID",
    "INTERFACE",
    "ActorCriticCatalog",
    "ActorCriticEncoderConfig",
    "ActorCriticRLModule",
    "AnyOf",
    "Backend",
    "BackendNotFoundError",
    "Categorical",
    "CategoricalDistribution",
    "CheckpointError",
    "Columns",
    "ConfigError",
    "Descriptor",
    "Deterministic",
    "DeterministicDistribution",
    "DiagGaussian",
    "DiagGaussianDistribution",
    "Distribution",
    "FreeLogStdMLPHeadConfig",
    "GradientClip",
    "Loss",
    "MLPEncoderConfig",
    "MLPHeadConfig",
    "ModelConfig",
    "ModuleLike",
    "ModulePlans",
    "NotANumberError",
    "Ops",
    "Optimizer",
    "OptimizerSettings",
    "PluginError",
    "Policy",
    "RLModule",
    "RLModuleConfig",
    "RLModuleError",
    "Rng",
    "Session",
    "SingleAgentRLModuleSpec",
    "SpecCheckingError",
    "SpecDict",
    "SpecType",
    "StateError",
    "Tensor",
    "TensorSpec",
    "TrainingBackend",
    "TypeSpec",
    "UnknownIdError",
    "UnsupportedSpaceError",
    "__version__",
    "acting_descriptor",
    "batch_array",
    "bound_class",
    "build_network",
    "check_input_specs",
    "check_interface",
    "check_output_specs",
    "compute_actions",
    "descriptor_of",
    "distribution_for",
    "get_backend",
    "get_training_backend",
    "nearest",
    "network_dtype",
    "require_stateless",
    "resolve_module_class",
    "space_from_dict",
    "space_to_dict",
    "spec_checks",
    "to_env_actions",
]
