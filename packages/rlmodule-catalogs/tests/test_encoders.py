from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_catalogs import Catalog, PPOCatalog
from rlmodule_core import get_backend
from rlmodule_core.plans import Cast, OneHot

SIZES = st.lists(st.integers(1, 32), min_size=1, max_size=3)
OBS = gym.spaces.Box(-1, 1, (4,))


def _encode(catalog: Catalog, obs: np.ndarray) -> np.ndarray:
    return catalog.build_encoder("numpy")({"obs": obs})["encoder_out"]


@given(hiddens=SIZES)
def test_the_last_hidden_layer_is_the_latent(hiddens: list[int]):
    catalog = Catalog(OBS, gym.spaces.Discrete(2), {"fcnet_hiddens": hiddens})
    assert catalog.latent_dims == (hiddens[-1],)
    records = catalog.get_encoder_config().plan().net.records
    # Each layer with an activation behind it, the last one too.
    assert [record.outputs for record in records[::2]] == hiddens
    assert len(records) == 2 * len(hiddens)


@given(hiddens=st.lists(st.integers(1, 32), max_size=3), latent=st.integers(1, 32))
def test_a_latent_width_adds_a_layer_behind_the_hidden_ones(hiddens: list[int], latent: int):
    catalog = Catalog(OBS, gym.spaces.Discrete(2), {"fcnet_hiddens": hiddens, "encoder_latent_dim": latent})
    assert catalog.latent_dims == (latent,)
    records = catalog.get_encoder_config().plan().net.records
    assert [record.outputs for record in records[::2]] == [*hiddens, latent]
    assert str(records[-1]) == "Activation('tanh')"


def test_latents_are_as_wide_as_announced(make: Any):
    catalog = make(Catalog, fcnet_hiddens=[12, 5])
    assert _encode(catalog, np.ones((3, 4), np.float32)).shape == (3, 5)


def test_each_layer_is_normalised_where_asked(make: Any):
    plan = make(Catalog, fcnet_hiddens=[8, 6], fcnet_use_layernorm=True).get_encoder_config().plan()
    assert [line.split("(")[0] for line in str(plan).splitlines()] == ["Dense", "LayerNorm", "Activation"] * 2


def test_no_activation_means_linear(make: Any):
    plan = make(Catalog, fcnet_hiddens=[8, 6], fcnet_activation=None).get_encoder_config().plan()
    assert [line.split("(")[0] for line in str(plan).splitlines()] == ["Dense", "Dense"]


def test_a_shared_encoder_gives_both_the_same_latents(make: Any):
    encoder = make(fcnet_hiddens=[8], vf_share_layers=True).build_actor_critic_encoder("numpy")
    out = encoder({"obs": np.ones((2, 4), np.float32)})["encoder_out"]
    assert out["actor"] is out["critic"]
    assert {name.split(".")[0] for name in get_backend("numpy").get_weights(encoder)} == {"shared"}


def test_separate_encoders_are_two_networks(make: Any):
    encoder = make(fcnet_hiddens=[8], vf_share_layers=False).build_actor_critic_encoder("numpy")
    out = encoder({"obs": np.ones((2, 4), np.float32)})["encoder_out"]
    assert not np.allclose(out["actor"], out["critic"])
    assert {name.split(".")[0] for name in get_backend("numpy").get_weights(encoder)} == {"actor", "critic"}


def test_the_width_of_the_heads_follows_the_actor_critic_encoder(make: Any):
    for shared in (True, False):
        catalog = make(fcnet_hiddens=[8], encoder_latent_dim=5, vf_share_layers=shared)
        assert catalog.latent_dims == catalog.get_pi_head_config().input_dims == (5,)


def test_discrete_observations_are_one_hot_from_their_start():
    catalog = PPOCatalog(gym.spaces.Discrete(3, start=5), gym.spaces.Discrete(2), {"fcnet_hiddens": [8]})
    encoder = catalog.build_encoder("numpy")
    weights = get_backend("numpy").get_weights(encoder)
    assert catalog.get_encoder_config().plan().net.records[0] == OneHot(3, 5)
    first = next(array for array in weights.values() if array.shape == (8, 3))
    bias = next(array for array in weights.values() if array.shape == (8,))
    latents = encoder({"obs": np.array([5, 6, 7])})["encoder_out"]
    # An indicator picks a column of the first layer.
    np.testing.assert_allclose(latents, np.tanh(first.T + bias), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.bool_])
def test_whole_numbers_are_cast_to_what_networks_compute_in(dtype: Any):
    space = gym.spaces.Box(0, 1, (4,), dtype)
    catalog = Catalog(space, gym.spaces.Discrete(2), {"fcnet_hiddens": [8]})
    assert catalog.get_encoder_config().plan().net.records[0] == Cast()
    obs = get_backend("numpy").batch(space, np.array([[0, 1, 1, 0]], dtype))
    assert _encode(catalog, obs).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_real_numbers_are_not_cast(dtype: Any):
    catalog = Catalog(gym.spaces.Box(-1, 1, (4,), dtype), gym.spaces.Discrete(2), {})
    assert Cast() not in catalog.get_encoder_config().plan().net.records
