from __future__ import annotations

import copy
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import (
    ActorCriticRLModule,
    Categorical,
    ConfigError,
    ModulePlans,
    RLModuleConfig,
    SpecCheckingError,
    get_backend,
)
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule


class _Catalog:
    """Builds what the plans in the settings say, as a catalog of one's own may."""

    def __init__(self, observation_space: Any, action_space: Any, settings: Any) -> None:
        self.plans: ModulePlans = settings["plans"]
        self.dist_cls = settings.get("dist_cls", self.plans.train.bind(get_backend("numpy").ops))

    def build_actor_critic_encoder(self, framework: str) -> Any:
        return get_backend(framework).lower(self.plans.encoder)

    def build_pi_head(self, framework: str) -> Any:
        return get_backend(framework).lower(self.plans.pi)

    def build_vf_head(self, framework: str) -> Any:
        return get_backend(framework).lower(self.plans.vf)

    def get_action_dist_cls(self, framework: str) -> Any:
        return self.dist_cls


def _from_catalog(config: RLModuleConfig, **settings: Any) -> NumpyActorCriticRLModule:
    settings = {"plans": config.plans, **settings}
    return NumpyActorCriticRLModule(RLModuleConfig(config.observation_space, config.action_space, settings, _Catalog))


def test_training_gives_distribution_inputs_and_values(discrete_module: Any, obs: np.ndarray):
    out = discrete_module.forward_train({"obs": obs})
    weights = discrete_module.get_state()
    latents = np.tanh(obs @ weights["encoder.shared.0.weight"].T + weights["encoder.shared.0.bias"])
    pi = latents @ weights["pi.0.weight"].T + weights["pi.0.bias"]
    vf = latents @ weights["vf.0.weight"].T + weights["vf.0.bias"]
    np.testing.assert_allclose(out["action_dist_inputs"], pi, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(out["vf_preds"], vf[:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("fixture", ["discrete_module", "gaussian_module"])
def test_acting_gives_the_inputs_of_training_and_runs_no_critic(request: Any, fixture: str, obs: np.ndarray):
    module = request.getfixturevalue(fixture)
    trained = module.forward_train({"obs": obs})["action_dist_inputs"]
    module.vf = None
    module.encoder.children.pop("critic", None)
    for forward in (module.forward_exploration, module.forward_inference):
        out = forward({"obs": obs})
        assert out.keys() == {"action_dist_inputs"}
        np.testing.assert_array_equal(out["action_dist_inputs"], trained)


@pytest.mark.parametrize("bad", [np.zeros((3, 5), np.float32), np.zeros(4, np.float32), np.zeros((3, 4)), [1.0]])
def test_observations_must_have_the_space_s_shape_and_dtype(discrete_module: Any, bad: Any):
    for forward in (discrete_module.forward_train, discrete_module.forward_exploration):
        with pytest.raises(SpecCheckingError, match="obs"):
            forward({"obs": bad})


def test_without_plans_the_catalog_builds_the_parts(discrete_config: RLModuleConfig, obs: np.ndarray):
    module, twin = _from_catalog(discrete_config), NumpyActorCriticRLModule(discrete_config)
    assert module.get_state().keys() == twin.get_state().keys()
    assert module.frozen_plans() == discrete_config.plans
    twin.set_state(module.get_state())
    np.testing.assert_array_equal(
        module.forward_train({"obs": obs})["vf_preds"], twin.forward_train({"obs": obs})["vf_preds"]
    )


def test_each_phase_may_have_a_distribution_of_its_own(discrete_config: RLModuleConfig):
    plans = discrete_config.plans
    mixed = ModulePlans(plans.encoder, plans.pi, plans.vf, *(Categorical(3, start) for start in (0, 1, 2)))
    module = NumpyActorCriticRLModule(RLModuleConfig(action_space=discrete_config.action_space, plans=mixed))
    getters = (
        module.get_train_action_dist_cls,
        module.get_exploration_action_dist_cls,
        module.get_inference_action_dist_cls,
    )
    assert [getter().descriptor.start for getter in getters] == [0, 1, 2]


def test_without_a_config_there_is_nothing_to_build_from():
    with pytest.raises(ConfigError, match="needs an RLModuleConfig"):
        NumpyActorCriticRLModule()


def test_a_subclass_of_a_bound_distribution_is_no_longer_portable(discrete_config: RLModuleConfig):
    bound = discrete_config.plans.train.bind(get_backend("numpy").ops)
    own = type("Own", (bound,), {"entropy": lambda self: 0.0})
    module = _from_catalog(discrete_config, dist_cls=own)
    assert module.get_train_action_dist_cls() is own
    with pytest.raises(ConfigError, match="the train distribution Own"):
        module.to_framework("numpy")


def test_the_framework_s_class_takes_part_in_a_neutral_one():
    assert issubclass(NumpyActorCriticRLModule, ActorCriticRLModule)
    assert ActorCriticRLModule.framework is None


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_compute_the_same_with_arrays_of_their_own(discrete_module: Any, obs: np.ndarray, duplicate: Any):
    expected = discrete_module.forward_train({"obs": obs})["vf_preds"]
    twin = duplicate(discrete_module)
    np.testing.assert_array_equal(twin.forward_train({"obs": obs})["vf_preds"], expected)
    assert twin.get_train_action_dist_cls() is discrete_module.get_train_action_dist_cls()
    zeros = {name: np.zeros_like(array) for name, array in twin.get_state().items()}
    twin.set_state(zeros)
    assert not twin.forward_train({"obs": obs})["vf_preds"].any()
    np.testing.assert_array_equal(discrete_module.forward_train({"obs": obs})["vf_preds"], expected)


def test_discrete_observations_are_checked_as_integers(discrete_config: RLModuleConfig):
    config = RLModuleConfig(gym.spaces.Discrete(4), gym.spaces.Discrete(3), {}, plans=discrete_config.plans)
    with pytest.raises(SpecCheckingError, match="int64"):
        NumpyActorCriticRLModule(config).forward_train({"obs": np.zeros(3, np.float32)})
