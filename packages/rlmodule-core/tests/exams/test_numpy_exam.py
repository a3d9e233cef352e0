from __future__ import annotations

from gymnasium.spaces import Box, Dict, MultiBinary, MultiDiscrete, Tuple

from rlmodule_core.testing import ActorCriticSuite, BackendSuite, DistributionSuite, MemorySuite, ModelSuite


class TestNumpyBackend(BackendSuite):
    backend_name = "numpy"


class TestNumpyModels(ModelSuite):
    backend_name = "numpy"


class TestNumpyDistributions(DistributionSuite):
    backend_name = "numpy"


class TestNumpyModule(ActorCriticSuite):
    backend_name = "numpy"


class TestGaussianNumpyModule(ActorCriticSuite):
    backend_name = "numpy"
    action_space = Box(-2.0, 6.0, (2,))


class TestNumpyModuleOfNestedActions(ActorCriticSuite):
    backend_name = "numpy"
    action_space = Dict(
        {
            "aim": Box(-2.0, 6.0, (2, 1)),
            "go": Tuple((MultiDiscrete([2, 3], start=[0, -1]), MultiBinary((1, 2)))),
        }
    )


class TestNumpyModuleWithLSTM(MemorySuite):
    backend_name = "numpy"
    cell = "lstm"


class TestNumpyModuleWithGRU(MemorySuite):
    backend_name = "numpy"
    cell = "gru"


class TestNumpyModuleWithAttention(MemorySuite):
    backend_name = "numpy"
    cell = "attention"
