"""The layers that every backend can lower, one file each."""

from rlmodule_core.plans.records.activation import ACTIVATIONS, Activation
from rlmodule_core.plans.records.attend import Attend
from rlmodule_core.plans.records.cast import Cast
from rlmodule_core.plans.records.concat import Concat
from rlmodule_core.plans.records.conv2d import Conv2D
from rlmodule_core.plans.records.dense import Dense
from rlmodule_core.plans.records.flatten import Flatten
from rlmodule_core.plans.records.free_parameter import FreeParameter
from rlmodule_core.plans.records.gru import GRU
from rlmodule_core.plans.records.layer_norm import LayerNorm
from rlmodule_core.plans.records.lstm import LSTM
from rlmodule_core.plans.records.multi_one_hot import MultiOneHot
from rlmodule_core.plans.records.normalise import Normalise
from rlmodule_core.plans.records.one_hot import OneHot
from rlmodule_core.plans.records.scale import Scale
from rlmodule_core.plans.records.transpose import Transpose

__all__ = [
    "ACTIVATIONS",
    "GRU",
    "LSTM",
    "Activation",
    "Attend",
    "Cast",
    "Concat",
    "Conv2D",
    "Dense",
    "Flatten",
    "FreeParameter",
    "LayerNorm",
    "MultiOneHot",
    "Normalise",
    "OneHot",
    "Scale",
    "Transpose",
]
