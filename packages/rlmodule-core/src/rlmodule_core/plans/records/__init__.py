"""The layers that every backend can lower, one file each."""

from rlmodule_core.plans.records.activation import ACTIVATIONS, Activation
from rlmodule_core.plans.records.cast import Cast
from rlmodule_core.plans.records.dense import Dense
from rlmodule_core.plans.records.free_parameter import FreeParameter
from rlmodule_core.plans.records.layer_norm import LayerNorm
from rlmodule_core.plans.records.one_hot import OneHot

__all__ = ["ACTIVATIONS", "Activation", "Cast", "Dense", "FreeParameter", "LayerNorm", "OneHot"]
