"""Plans: what a network is made of, before any framework is asked to build it."""

from rlmodule_core.plans.branches import Branches, Fusion
from rlmodule_core.plans.codec import from_json, to_json
from rlmodule_core.plans.composite import ActorCritic, Chain, Children, Composite, Encoder, Network
from rlmodule_core.plans.cost import multiply_adds
from rlmodule_core.plans.gated_attention import GatedAttention, GRUGate
from rlmodule_core.plans.initial_rng import initial_rng, initialising
from rlmodule_core.plans.initializers import INITIALIZERS
from rlmodule_core.plans.lowered import Lowered, PlainContainer, PlainLayer, walk_weights
from rlmodule_core.plans.lowering import lower_plan, no_layer
from rlmodule_core.plans.native import Latents, Native, walk_natives
from rlmodule_core.plans.record import Dims, Plan, Record
from rlmodule_core.plans.records import (
    GRU,
    LSTM,
    Activation,
    Attend,
    Cast,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    FreeParameter,
    LayerNorm,
    MultiOneHot,
    Normalise,
    OneHot,
    Scale,
    Transpose,
)
from rlmodule_core.plans.records.activation import ACTIVATIONS
from rlmodule_core.plans.recurrent import Recurrent
from rlmodule_core.plans.weights import (
    Weights,
    escape_key,
    initial_weights,
    join_name,
    match_weights,
    walk_records,
    weight_shapes,
)

RECORDS = (
    Dense,
    Activation,
    LayerNorm,
    OneHot,
    Cast,
    FreeParameter,
    Conv2D,
    Flatten,
    Transpose,
    Scale,
    MultiOneHot,
    Concat,
    LSTM,
    GRU,
    Normalise,
)
COMPOSITES = (Chain, Encoder, ActorCritic, Branches, Fusion, Recurrent, GatedAttention)

__all__ = [
    "ACTIVATIONS",
    "COMPOSITES",
    "GRU",
    "INITIALIZERS",
    "LSTM",
    "RECORDS",
    "Activation",
    "ActorCritic",
    "Attend",
    "Branches",
    "Cast",
    "Chain",
    "Children",
    "Composite",
    "Concat",
    "Conv2D",
    "Dense",
    "Dims",
    "Encoder",
    "Flatten",
    "FreeParameter",
    "Fusion",
    "GRUGate",
    "GatedAttention",
    "Latents",
    "LayerNorm",
    "Lowered",
    "MultiOneHot",
    "Native",
    "Network",
    "Normalise",
    "OneHot",
    "PlainContainer",
    "PlainLayer",
    "Plan",
    "Record",
    "Recurrent",
    "Scale",
    "Transpose",
    "Weights",
    "escape_key",
    "from_json",
    "initial_rng",
    "initial_weights",
    "initialising",
    "join_name",
    "lower_plan",
    "match_weights",
    "multiply_adds",
    "no_layer",
    "to_json",
    "walk_natives",
    "walk_records",
    "walk_weights",
    "weight_shapes",
]
