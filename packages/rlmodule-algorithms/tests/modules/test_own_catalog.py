from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_layers import KERNEL, TRAINING, dense, ppo_base

from rlmodule_algorithms import PPOConfig
from rlmodule_catalogs import PPOCatalog
from rlmodule_core import (
    ActorCriticEncoderConfig,
    CheckpointError,
    ConfigError,
    MLPEncoderConfig,
    Policy,
    SingleAgentRLModuleSpec,
)


class OwnEncoderCatalog(PPOCatalog):
    """Replaces the encoder by another config."""

    def get_actor_critic_encoder_config(self) -> Any:
        base = MLPEncoderConfig(
            input_dims=self.observation_space.shape,
            hidden_layer_dims=(7,),
            hidden_layer_activation="relu",
            output_layer_dim=5,
        )
        return ActorCriticEncoderConfig(base_encoder_config=base, shared=True)


class NativeHeadCatalog(PPOCatalog):
    """Returns a layer of the framework's own as the value head."""

    def build_vf_head(self, framework: str) -> Any:
        return dense(framework, self.latent_dims[0], 1)


KIND = {"torch": "Linear", "tf2": "Dense"}


@pytest.fixture
def trained(bandit: Any, small_ppo: PPOConfig, build: Any) -> Any:
    """Trains the bandit with a catalog."""

    def train(catalog_class: type[Any]) -> Any:
        spec = SingleAgentRLModuleSpec(catalog_class=catalog_class)
        algorithm = build(small_ppo.environment(bandit).training(lr=0.02).rl_module(rl_module_spec=spec))
        for _ in range(8):
            algorithm.train()
        assert algorithm.evaluate(episodes=20)["episode_return_mean"] == 1.0
        return algorithm

    return train


OBS = np.linspace(-1, 1, 100, dtype=np.float32)[:, None]


def test_another_encoder_config_trains_and_stays_portable(trained: Any, tmp_path: Path) -> None:
    algorithm = trained(OwnEncoderCatalog)
    shapes = {name: value.shape for name, value in algorithm.get_module().get_state().items()}
    assert shapes["encoder.shared.0.weight"] == (7, 1)
    assert shapes["pi.0.weight"] == (2, 5)
    assert algorithm.acting_framework == "numpy"
    policy = Policy.from_checkpoint(algorithm.save(tmp_path), framework="numpy")
    expected = Policy(algorithm.get_module()).compute_actions(OBS)[0]
    assert np.array_equal(policy.compute_actions(OBS)[0], expected)


def test_a_native_value_head_trains_and_the_module_acts_itself(trained: Any, framework: str) -> None:
    algorithm = trained(NativeHeadCatalog)
    module = algorithm.get_module()
    assert type(module) is ppo_base(framework)
    assert type(module.vf) is type(dense(framework, 1, 1))
    assert algorithm.acting_framework == framework
    assert {f"vf.{KERNEL[framework]}", "vf.bias"} <= module.get_state().keys()


def test_a_native_value_head_is_saved_and_loaded_back_in_its_framework_only(
    trained: Any, tmp_path: Path, framework: str
) -> None:
    algorithm = trained(NativeHeadCatalog)
    algorithm.save(tmp_path)
    policy = Policy.from_checkpoint(tmp_path)
    expected = Policy(algorithm.get_module()).compute_actions(OBS)[2]["action_dist_inputs"]
    assert policy.module.framework == framework
    assert np.array_equal(policy.compute_actions(OBS)[2]["action_dist_inputs"], expected)
    for other in {"numpy", *TRAINING} - {framework}:
        with pytest.raises(CheckpointError, match=f"written by {framework} and is tied to it by its part 'vf'"):
            Policy.from_checkpoint(tmp_path, framework=other)
        with pytest.raises(ConfigError, match="its part 'vf'"):
            algorithm.get_module().to_framework(other)


def test_act_with_numpy_is_refused_for_a_native_value_head_by_its_name(
    bandit: Any, small_ppo: PPOConfig, framework: str
) -> None:
    spec = SingleAgentRLModuleSpec(catalog_class=NativeHeadCatalog)
    config = small_ppo.environment(bandit).rl_module(rl_module_spec=spec).env_runners(act_with="numpy")
    with pytest.raises(
        ConfigError, match=f"because of its part 'vf', a {KIND[framework]} that was not built from a plan"
    ):
        config.build()


def test_one_seed_gives_the_same_first_weights_of_native_layers(bandit: Any, small_ppo: PPOConfig, build: Any) -> None:
    spec = SingleAgentRLModuleSpec(catalog_class=NativeHeadCatalog)
    config = small_ppo.environment(bandit).rl_module(rl_module_spec=spec)
    first, second = (build(config).get_module().get_state() for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_catalog_can_be_given_by_its_registered_name(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo.rl_module(rl_module_spec=SingleAgentRLModuleSpec(catalog_class="ppo")))
    assert algorithm.get_module().get_state()["pi.0.weight"].shape == (2, 8)
