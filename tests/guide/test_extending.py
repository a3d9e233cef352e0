"""The guide: extending existing RL Modules by inheritance and by their catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rlmodule_algorithms import PPOConfig, PPORLModule, PPOTorchRLModule
from rlmodule_catalogs import PPOCatalog
from rlmodule_core import (
    ActorCriticEncoderConfig,
    MLPEncoderConfig,
    ModelConfig,
    RLModuleConfig,
    SingleAgentRLModuleSpec,
)
from rlmodule_torch import TorchRLModule


class MyPPORLModule(PPORLModule):
    """Neutral: the algorithm's framework is added when it is built."""

    def __init__(self, config: RLModuleConfig) -> None:
        super().__init__(config)
        self.forwards = 0

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        self.forwards += 1
        return super()._forward_exploration(batch)


class MyPPOTorchRLModule(PPOTorchRLModule):
    """Adds a layer of its own in front."""

    def setup(self) -> None:
        super().setup()
        self.first = nn.Linear(4, 4)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._forward_train({**batch, "obs": self.first(batch["obs"])})

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._forward_exploration({**batch, "obs": self.first(batch["obs"])})

    _forward_inference = _forward_exploration


class MyAwesomeCatalog(PPOCatalog):
    def get_actor_critic_encoder_config(self) -> ModelConfig:
        base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(5,), hidden_layer_activation="silu")
        return ActorCriticEncoderConfig(base_encoder_config=base, shared=True)


class NativeHeadCatalog(PPOCatalog):
    def build_vf_head(self, framework: str) -> Any:
        return nn.Linear(self.latent_dims[0], 1)


def _trained(config: PPOConfig, build: Any, **fields: Any) -> tuple[Any, Mapping[str, Any], Mapping[str, Any]]:
    """An algorithm after one iteration, and the weights before and after."""
    spec = SingleAgentRLModuleSpec(model_config_dict={"fcnet_hiddens": [8]}, **fields)
    algorithm = build(config.rl_module(rl_module_spec=spec))
    before = algorithm.get_module().get_state()
    result = algorithm.train()
    assert np.isfinite(result["learners"]["default_policy"]["policy_loss"])
    return algorithm, before, algorithm.get_module().get_state()


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    return {name.split(".")[0] for name in before if not np.array_equal(before[name], after[name])}


def test_a_neutral_subclass_is_trained_in_the_algorithm_s_framework(config: PPOConfig, build: Any):
    algorithm, before, after = _trained(config, build, module_class=MyPPORLModule)
    module = algorithm.get_module()
    assert isinstance(module, MyPPORLModule)
    assert isinstance(module, TorchRLModule)
    assert type(module).__name__ == "MyPPORLModule"
    assert _changed(before, after) == {"encoder", "pi", "vf"}
    # 64 rows from two environments: its own forward did the acting.
    assert module.forwards >= 32


def test_a_torch_subclass_trains_its_own_layers_too(config: PPOConfig, build: Any):
    algorithm, before, after = _trained(config, build, module_class=MyPPOTorchRLModule)
    assert type(algorithm.get_module()) is MyPPOTorchRLModule
    assert _changed(before, after) == {"encoder", "pi", "vf", "first"}
    # It has layers that no other framework knows, so it acts itself.
    assert algorithm.acting_framework == "torch"


def test_a_catalog_replaces_the_encoder(config: PPOConfig, build: Any):
    algorithm, before, after = _trained(config, build, catalog_class=MyAwesomeCatalog)
    assert after["encoder.shared.0.weight"].shape == (5, 4)
    assert after["pi.0.weight"].shape == (2, 5)
    assert _changed(before, after) == {"encoder", "pi", "vf"}
    # Core configs leave the module portable, so that it acts in numpy.
    assert algorithm.acting_framework == "numpy"


def test_a_catalog_may_return_a_plain_layer(config: PPOConfig, build: Any):
    algorithm, before, after = _trained(config, build, catalog_class=NativeHeadCatalog)
    assert type(algorithm.get_module().vf) is nn.Linear
    assert _changed(before, after) == {"encoder", "pi", "vf"}
    assert algorithm.acting_framework == "torch"


@pytest.mark.parametrize("explore", [True, False])
def test_catalog_and_subclass_go_together(config: PPOConfig, build: Any, explore: bool):
    algorithm, _, _ = _trained(config, build, module_class=MyPPORLModule, catalog_class=MyAwesomeCatalog)
    module = algorithm.get_module()
    forward = module.forward_exploration if explore else module.forward_inference
    assert forward({"obs": torch.zeros(3, 4)})["action_dist_inputs"].shape == (3, 2)
    assert module.get_state()["encoder.shared.0.weight"].shape == (5, 4)
