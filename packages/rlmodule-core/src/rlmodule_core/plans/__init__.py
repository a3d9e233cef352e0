"""Plans: what a network is made of, before any framework is asked to build it."""

from rlmodule_core.plans.codec import from_json, to_json
from rlmodule_core.plans.composite import ActorCritic, Chain, Children, Composite, Encoder, Network
from rlmodule_core.plans.cost import multiply_adds
from rlmodule_core.plans.initial_rng import initial_rng, initialising
from rlmodule_core.plans.lowering import lower_plan
from rlmodule_core.plans.record import Dims, Plan, Record
from rlmodule_core.plans.records import Activation, Cast, Dense, FreeParameter, LayerNorm, OneHot
from rlmodule_core.plans.weights import (
    Weights,
    escape_key,
    initial_weights,
    join_name,
    match_weights,
    walk_records,
    weight_shapes,
)

RECORDS = (Dense, Activation, LayerNorm, OneHot, Cast, FreeParameter)
COMPOSITES = (Chain, Encoder, ActorCritic)

__all__ = [
    "COMPOSITES",
    "RECORDS",
    "Activation",
    "ActorCritic",
    "Cast",
    "Chain",
    "Children",
    "Composite",
    "Dense",
    "Dims",
    "Encoder",
    "FreeParameter",
    "LayerNorm",
    "Network",
    "OneHot",
    "Plan",
    "Record",
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
    "to_json",
    "walk_records",
    "weight_shapes",
]
