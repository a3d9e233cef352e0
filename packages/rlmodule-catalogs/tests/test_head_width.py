from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_catalogs import PPOCatalog
from rlmodule_core import Categorical, ConfigError, DiagGaussian, get_backend
from rlmodule_core.plans import FreeParameter

OBS = gym.spaces.Box(-1, 1, (4,))
LATENTS = np.random.default_rng(0).normal(size=(5, 16)).astype(np.float32)


def _pi(actions: gym.Space[Any], **settings: Any) -> Any:
    return PPOCatalog(OBS, actions, {"fcnet_hiddens": [16], **settings}).build_pi_head("numpy")


@given(n=st.integers(1, 40), start=st.integers(-5, 5))
def test_one_logit_for_each_action(n: int, start: int):
    catalog = PPOCatalog(OBS, gym.spaces.Discrete(n, start=start), {"fcnet_hiddens": [16]})
    assert catalog.build_pi_head("numpy")(LATENTS).shape == (5, n)
    assert catalog.get_action_descriptor() == Categorical(n, start)


@given(size=st.integers(1, 20))
def test_a_mean_and_a_log_std_for_each_real_action(size: int):
    catalog = PPOCatalog(OBS, gym.spaces.Box(-1, 1, (size,)), {"fcnet_hiddens": [16]})
    assert catalog.build_pi_head("numpy")(LATENTS).shape == (5, 2 * size)
    assert catalog.get_action_descriptor() == DiagGaussian(size)


def test_the_distribution_takes_what_the_head_gives():
    catalog = PPOCatalog(OBS, gym.spaces.Box(-1, 1, (3,)), {"fcnet_hiddens": [16]})
    dist = catalog.get_action_dist_cls("numpy").from_logits(catalog.build_pi_head("numpy")(LATENTS))
    actions, logp = dist.sample_and_logp(rng=get_backend("numpy").rng(0))
    assert actions.shape == (5, 3)
    assert logp.shape == (5,)


def test_values_are_one_number_a_row():
    catalog = PPOCatalog(OBS, gym.spaces.Discrete(7), {"fcnet_hiddens": [16]})
    assert catalog.build_vf_head("numpy")(LATENTS).shape == (5, 1)


def test_a_fresh_policy_is_near_uniform_while_values_are_not_tiny():
    catalog = PPOCatalog(OBS, gym.spaces.Discrete(7), {"fcnet_hiddens": [16]})
    with get_backend("numpy").initialising(0):
        assert np.abs(catalog.build_pi_head("numpy")(LATENTS)).max() < 0.1
        assert np.abs(catalog.build_vf_head("numpy")(LATENTS)).max() > 0.1


def test_a_free_log_std_does_not_depend_on_the_latents():
    outputs = _pi(gym.spaces.Box(-1, 1, (3,)), free_log_std=True)(LATENTS)
    assert outputs.shape == (5, 6)
    np.testing.assert_array_equal(outputs[:, 3:], outputs[:1, 3:].repeat(5, axis=0))
    assert np.ptp(outputs[:, :3], axis=0).min() > 0


def test_without_it_the_log_std_comes_from_the_network():
    outputs = _pi(gym.spaces.Box(-1, 1, (3,)))(LATENTS)
    assert np.ptp(outputs[:, 3:], axis=0).min() > 0


def test_a_free_log_std_is_one_more_record():
    catalog = PPOCatalog(OBS, gym.spaces.Box(-1, 1, (3,)), {"free_log_std": True})
    assert catalog.get_pi_head_config().plan().records[-1] == FreeParameter(3)


def test_a_free_log_std_of_discrete_actions_is_refused():
    with pytest.raises(ConfigError, match=r"'free_log_std' needs a Gaussian.*Discrete\(2\)"):
        _pi(gym.spaces.Discrete(2), free_log_std=True)


def test_heads_have_the_hidden_layers_that_are_asked_for(make: Any):
    catalog = make(fcnet_hiddens=[16], post_fcnet_hiddens=[8, 6], post_fcnet_activation="elu")
    assert str(catalog.get_vf_head_config().plan()).splitlines() == [
        "Dense(16, 8)",
        "Activation('elu')",
        "Dense(8, 6)",
        "Activation('elu')",
        "Dense(6, 1, gain=1.0)",
    ]
    assert catalog.get_pi_head_config().plan().output_dims((16,)) == (6,)


def test_normalised_actions_are_a_property_of_the_distribution(make: Any):
    assert make(normalize_actions=False).get_action_descriptor() == DiagGaussian(3, normalize_actions=False)
