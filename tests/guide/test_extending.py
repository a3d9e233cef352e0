"""The guide: extending existing RL Modules by inheritance and by their catalog."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rlmodule_algorithms import PPOConfig, PPORLModule
from rlmodule_catalogs import PPOCatalog
from rlmodule_core import (
    ActorCriticEncoderConfig,
    MLPEncoderConfig,
    ModelConfig,
    RLModuleConfig,
    SingleAgentRLModuleSpec,
)


class MyPPORLModule(PPORLModule):
    """Neutral: the algorithm's framework is added when it is built."""

    def __init__(self, config: RLModuleConfig) -> None:
        super().__init__(config)
        self.forwards = 0

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        self.forwards += 1
        return super()._forward_exploration(batch)


class MyAwesomeCatalog(PPOCatalog):
    def get_actor_critic_encoder_config(self) -> ModelConfig:
        base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(5,), hidden_layer_activation="silu")
        return ActorCriticEncoderConfig(base_encoder_config=base, shared=True)


class NativeHeadCatalog(PPOCatalog):
    def build_vf_head(self, framework: str) -> Any:
        user = import_module({"torch": "guide_torch", "tf2": "guide_tf"}[framework])
        return user.plain_layer(self.latent_dims[0], 1)


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


def test_a_neutral_subclass_is_trained_in_the_algorithm_s_framework(config: PPOConfig, build: Any, user: ModuleType):
    algorithm, before, after = _trained(config, build, module_class=MyPPORLModule)
    module = algorithm.get_module()
    assert isinstance(module, MyPPORLModule)
    assert isinstance(module, user.Base)
    assert type(module).__name__ == "MyPPORLModule"
    assert _changed(before, after) == {"encoder", "pi", "vf"}
    # Its own forward did the acting: for 64 rows from two environments, or once for the graph that does.
    assert module.forwards >= (1 if module.framework == "tf2" else 32)


def test_a_subclass_of_one_framework_trains_its_own_layers_too(
    config: PPOConfig, build: Any, user: ModuleType, framework: str
):
    algorithm, before, after = _trained(config, build, module_class=user.MyPPO)
    assert type(algorithm.get_module()) is user.MyPPO
    assert _changed(before, after) == {"encoder", "pi", "vf", "first"}
    # It has layers that no other framework knows, so it acts itself.
    assert algorithm.acting_framework == framework


def test_a_catalog_replaces_the_encoder(config: PPOConfig, build: Any):
    algorithm, before, after = _trained(config, build, catalog_class=MyAwesomeCatalog)
    assert after["encoder.shared.0.weight"].shape == (5, 4)
    assert after["pi.0.weight"].shape == (2, 5)
    assert _changed(before, after) == {"encoder", "pi", "vf"}
    # Core configs leave the module portable, so that it acts in numpy.
    assert algorithm.acting_framework == "numpy"


def test_a_catalog_may_return_a_plain_layer(config: PPOConfig, build: Any, user: ModuleType, framework: str):
    algorithm, before, after = _trained(config, build, catalog_class=NativeHeadCatalog)
    assert type(algorithm.get_module().vf) is type(user.plain_layer(1, 1))
    assert _changed(before, after) == {"encoder", "pi", "vf"}
    assert algorithm.acting_framework == framework


@pytest.mark.parametrize("explore", [True, False])
def test_catalog_and_subclass_go_together(config: PPOConfig, build: Any, explore: bool):
    algorithm, _, _ = _trained(config, build, module_class=MyPPORLModule, catalog_class=MyAwesomeCatalog)
    module = algorithm.get_module()
    forward = module.forward_exploration if explore else module.forward_inference
    assert forward({"obs": module.backend.batch(None, np.zeros((3, 4)))})["action_dist_inputs"].shape == (3, 2)
    assert module.get_state()["encoder.shared.0.weight"].shape == (5, 4)
