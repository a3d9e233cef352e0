from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_catalogs import Catalog, PPOCatalog
from rlmodule_core import (
    ActorCriticEncoderConfig,
    ConfigError,
    Descriptor,
    Deterministic,
    Distribution,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModelConfig,
    RLModuleConfig,
    SpecCheckingError,
    get_backend,
)
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule

OBS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def _module(catalog_class: type[PPOCatalog], **settings: Any) -> NumpyActorCriticRLModule:
    spaces = gym.spaces.Box(-1, 1, (4,)), gym.spaces.Box(-1, 1, (3,))
    return NumpyActorCriticRLModule(RLModuleConfig(*spaces, {"fcnet_hiddens": [8], **settings}, catalog_class))


def test_another_actor_critic_encoder_settles_the_width_of_the_heads():
    class Mine(PPOCatalog):
        def get_actor_critic_encoder_config(self) -> ModelConfig:
            base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(5,))
            return ActorCriticEncoderConfig(base_encoder_config=base, shared=False)

    module = _module(Mine)
    assert module.get_state()["pi.0.weight"].shape == (6, 5)
    assert module.get_state()["encoder.actor.0.weight"].shape == (5, 4)
    assert module.forward_train({"obs": OBS})["vf_preds"].shape == (6,)
    assert module.non_portable_part() is None


def test_another_encoder_is_used_by_actor_and_critic():
    class Mine(PPOCatalog):
        def get_encoder_config(self) -> ModelConfig:
            return MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(5, 2))

    for shared, keys in ((True, {"shared"}), (False, {"actor", "critic"})):
        state = _module(Mine, vf_share_layers=shared).get_state()
        assert {name.split(".")[1] for name in state if name.startswith("encoder.")} == keys
        assert state["vf.0.weight"].shape == (1, 2)


@pytest.mark.parametrize("hook", ["get_pi_head_config", "get_vf_head_config"])
def test_another_head_config_is_built(hook: str):
    def deeper(self: PPOCatalog) -> ModelConfig:
        width = 6 if hook == "get_pi_head_config" else 1
        return MLPHeadConfig(input_dims=self.latent_dims, hidden_layer_dims=(7,), output_layer_dim=width)

    state = _module(type("Mine", (PPOCatalog,), {hook: deeper})).get_state()
    part = "pi" if hook == "get_pi_head_config" else "vf"
    assert state[f"{part}.0.weight"].shape == (7, 8)
    assert _module(PPOCatalog).get_state()[f"{part}.0.weight"].shape != (7, 8)


def test_another_descriptor_settles_width_and_distribution():
    class Mine(PPOCatalog):
        def get_action_descriptor(self) -> Descriptor:
            return Deterministic(3)

    module = _module(Mine)
    assert module.get_state()["pi.0.weight"].shape == (3, 8)
    logits = module.forward_exploration({"obs": OBS})["action_dist_inputs"]
    dist = module.get_exploration_action_dist_cls().from_logits(logits)
    np.testing.assert_array_equal(dist.sample(), logits)


def test_a_native_head_is_taken_as_it_is():
    class Mine(PPOCatalog):
        def build_vf_head(self, framework: str) -> Any:
            return lambda latents: latents[:, :1] * 2.0

    module = _module(Mine)
    latents = module.encoder({"obs": OBS})["encoder_out"]["critic"]
    np.testing.assert_array_equal(module.forward_train({"obs": OBS})["vf_preds"], latents[:, 0] * 2.0)
    assert "'vf'" in str(module.non_portable_part())


def test_a_native_policy_head_is_taken_as_it_is():
    class Mine(PPOCatalog):
        def build_pi_head(self, framework: str) -> Any:
            return lambda latents: latents[:, :6]

    module = _module(Mine)
    latents = module.encoder({"obs": OBS})["encoder_out"]["actor"]
    np.testing.assert_array_equal(module.forward_inference({"obs": OBS})["action_dist_inputs"], latents[:, :6])
    assert "'pi'" in str(module.non_portable_part())


def test_a_distribution_class_of_one_s_own_is_what_the_module_draws_from():
    class Mine(PPOCatalog):
        def get_action_dist_cls(self, framework: str) -> type[Distribution]:
            standard = super().get_action_dist_cls(framework)
            return type("Bold", (standard,), {"sample": lambda self, rng=None: self.loc + 9})

    module = _module(Mine)
    dist_cls = module.get_exploration_action_dist_cls()
    assert dist_cls.__name__ == "Bold"
    inputs = module.forward_exploration({"obs": OBS})["action_dist_inputs"]
    np.testing.assert_array_equal(dist_cls.from_logits(inputs).sample(), inputs[:, :3] + 9)
    assert "distribution Bold" in str(module.non_portable_part())


def test_a_base_catalog_may_build_a_native_encoder():
    class Mine(Catalog):
        def build_encoder(self, framework: str) -> Any:
            return lambda batch: {"encoder_out": batch["obs"] * 2.0}

    catalog = Mine(gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2), {})
    np.testing.assert_array_equal(catalog.build_encoder("numpy")({"obs": OBS})["encoder_out"], OBS * 2.0)


def test_a_native_encoder_is_taken_as_it_is():
    class Mine(PPOCatalog):
        def build_actor_critic_encoder(self, framework: str) -> Any:
            return lambda batch: {"encoder_out": dict.fromkeys(("actor", "critic"), np.tile(batch["obs"], 2))}

    outputs = _module(Mine).forward_train({"obs": OBS})
    assert outputs["action_dist_inputs"].shape == (6, 6)


def test_a_distribution_of_another_width_than_the_head_is_refused_at_the_first_training_forward():
    class Halved(PPOCatalog):
        def get_action_dist_cls(self, framework: str) -> type[Distribution]:
            return Deterministic(3).bind(get_backend(framework).ops)

    with pytest.raises(SpecCheckingError, match=r"(?s)action_dist_inputs.*3.*6"):
        _module(Halved).forward_train({"obs": OBS})


def test_a_distribution_over_other_actions_than_the_space_s_is_refused():
    class Elsewhere(PPOCatalog):
        def get_action_descriptor(self) -> Descriptor:
            return Deterministic(5)

    with pytest.raises(ConfigError, match=r"Deterministic\(dim=5\) does not give actions of Box.*get_action_desc"):
        _module(Elsewhere)


@pytest.mark.parametrize("part", ["build_actor_critic_encoder", "build_pi_head", "build_vf_head"])
def test_a_part_that_is_no_network_is_refused_by_the_method_s_name(part: str):
    catalog = type("Lazy", (PPOCatalog,), {part: lambda self, framework: None})
    with pytest.raises(ConfigError, match=rf"Lazy\.{part}\('numpy'\) must return a network .*got None"):
        _module(catalog)


def test_an_encoder_that_is_not_for_actor_and_critic_is_refused():
    class Single(PPOCatalog):
        def build_actor_critic_encoder(self, framework: str) -> Any:
            return self.get_encoder_config().build(framework)

    with pytest.raises(SpecCheckingError, match=r"must give .*'actor'.*'critic'.*under 'encoder_out', got ndarray"):
        _module(Single).forward_train({"obs": OBS})


def test_a_value_head_of_two_numbers_is_refused():
    class Wide(PPOCatalog):
        def get_vf_head_config(self) -> ModelConfig:
            return MLPHeadConfig(input_dims=self.latent_dims, hidden_layer_dims=(), output_layer_dim=2)

    with pytest.raises(SpecCheckingError, match=r"one value a row, shape \[B, 1\], got \(6, 2\)"):
        _module(Wide).forward_train({"obs": OBS})


def test_a_hook_that_would_never_be_called_is_refused():
    class Vain(PPOCatalog):
        def build_encoder(self, framework: str) -> Any:
            return super().build_encoder(framework)

    with pytest.raises(ConfigError, match="Vain overrides build_encoder, which actor-critic modules never call"):
        _module(Vain)
