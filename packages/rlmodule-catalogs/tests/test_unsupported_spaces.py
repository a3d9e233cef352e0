from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_catalogs import Catalog, PPOCatalog, encoder_config_for
from rlmodule_core import (
    ConfigError,
    Descriptor,
    DiagGaussian,
    MLPEncoderConfig,
    ModelConfig,
    UnsupportedSpaceError,
)

_BOX = gym.spaces.Box(0, 1, (2,))
ODD_OBSERVATIONS = [
    gym.spaces.Text(5),
    gym.spaces.Graph(_BOX, None),
    gym.spaces.Sequence(_BOX),
    gym.spaces.OneOf((_BOX, gym.spaces.Discrete(2))),
]
ODD_ACTIONS = [gym.spaces.Box(0, 3, (2,), np.int32), gym.spaces.Text(5)]


class Cards(gym.Space[Any]):
    """A space that nobody knows yet."""


@pytest.mark.parametrize("space", ODD_OBSERVATIONS, ids=str)
@pytest.mark.parametrize("catalog_class", [Catalog, PPOCatalog])
def test_an_odd_observation_space_is_named_with_what_to_override(make: Any, catalog_class: Any, space: Any):
    catalog = make(catalog_class, obs=space)
    with pytest.raises(UnsupportedSpaceError) as caught:
        catalog.build_encoder("numpy")
    text = str(caught.value)
    assert str(space) in text
    assert "Supported are Box, Discrete, MultiDiscrete and MultiBinary spaces, and Dict and Tuple" in text
    assert "Catalog.get_encoder_config" in text
    assert "PPOCatalog.get_actor_critic_encoder_config" in text


@pytest.mark.parametrize("build", ["build_actor_critic_encoder", "build_pi_head", "build_vf_head"])
def test_every_part_that_depends_on_it_says_so(make: Any, build: str):
    catalog = make(obs=gym.spaces.Text(5))
    with pytest.raises(UnsupportedSpaceError, match="get_actor_critic_encoder_config"):
        getattr(catalog, build)("numpy")


@pytest.mark.parametrize("space", ODD_ACTIONS, ids=str)
def test_an_odd_action_space_is_named_with_what_to_override(make: Any, space: Any):
    catalog = make(actions=space)
    for build in (catalog.build_pi_head, catalog.get_action_dist_cls):
        with pytest.raises(UnsupportedSpaceError) as caught:
            build("numpy")
        text = str(caught.value)
        assert str(space) in text
        assert "Supported are Discrete, MultiDiscrete, MultiBinary, Box spaces of floats" in text
        assert "Catalog.get_action_descriptor" in text


def test_the_override_that_is_named_helps(make: Any):
    class Flat(PPOCatalog):
        def get_encoder_config(self) -> ModelConfig:
            return MLPEncoderConfig(input_dims=(2,), hidden_layer_dims=(8,), cast=True)

    catalog = make(Flat, obs=gym.spaces.Sequence(gym.spaces.Discrete(3), stack=True))
    latents = catalog.build_actor_critic_encoder("numpy")({"obs": np.array([[1, 2]])})["encoder_out"]["actor"]
    assert catalog.build_pi_head("numpy")(latents).shape == (1, 6)


def test_the_override_that_is_named_for_actions_helps(make: Any):
    class Numbers(PPOCatalog):
        def get_action_descriptor(self) -> Descriptor:
            return DiagGaussian(2)

    catalog = make(Numbers, actions=gym.spaces.Box(0, 3, (2,), np.int32), fcnet_hiddens=[8])
    assert catalog.build_pi_head("numpy")(np.ones((5, 8), np.float32)).shape == (5, 4)
    assert catalog.get_action_dist_cls("numpy").descriptor == DiagGaussian(2)


def test_a_new_space_can_be_registered_once_for_all_catalogs(make: Any):
    @encoder_config_for.register(Cards)
    def _(space: Cards, settings: Any) -> ModelConfig:
        return MLPEncoderConfig(input_dims=(52,), hidden_layer_dims=settings.fcnet_hiddens)

    assert make(obs=Cards(), fcnet_hiddens=[9]).latent_dims == (9,)


def test_a_new_space_may_be_a_part_of_others(make: Any):
    @encoder_config_for.register(Cards)
    def _(space: Cards, settings: Any) -> ModelConfig:
        return MLPEncoderConfig(input_dims=(52,), hidden_layer_dims=settings.fcnet_hiddens)

    space = gym.spaces.Tuple((Cards(), gym.spaces.Discrete(2)))
    encoder = make(Catalog, obs=space).build_encoder("numpy")
    latents = encoder({"obs": {"0": np.ones((3, 52), np.float32), "1": np.array([0, 1, 1])}})
    assert latents["encoder_out"].shape == (3, 256)


def test_a_part_without_a_default_is_named_by_its_keys(make: Any):
    space = gym.spaces.Dict(fine=_BOX, deep=gym.spaces.Tuple((_BOX, gym.spaces.Text(3))))
    expected = r"In the part 'deep' of the observation: In the part '1' of the observation: No default .* space Text"
    with pytest.raises(UnsupportedSpaceError, match=expected):
        make(obs=space).build_actor_critic_encoder("numpy")


@pytest.mark.parametrize(
    "space",
    [
        gym.spaces.Dict(),
        gym.spaces.Tuple(()),
        gym.spaces.Dict(a=gym.spaces.Tuple(())),
        gym.spaces.Dict({3: _BOX}),
        gym.spaces.Dict({"": _BOX}),
        gym.spaces.Dict(action_mask=gym.spaces.MultiBinary(2)),
    ],
    ids=str,
)
def test_spaces_without_parts_and_keys_that_are_no_texts_are_refused(make: Any, space: Any):
    expected = r"at least one part, and texts as keys, none of them empty.*mask is no part.*get_encoder_conf"
    with pytest.raises(UnsupportedSpaceError, match=expected):
        make(obs=space).build_actor_critic_encoder("numpy")


@pytest.mark.parametrize(
    "space",
    [
        gym.spaces.Box(0, 1, (0,)),
        gym.spaces.Box(0, 9, (2, 0), np.int64),
        gym.spaces.Box(0, 255, (4, 0, 2), np.uint8),
        gym.spaces.MultiDiscrete([]),
    ],
    ids=str,
)
def test_observations_without_numbers_are_refused_by_their_space_and_part(make: Any, space: Any):
    for refused, where in ((space, "^No default"), (gym.spaces.Dict(a=space), "^In the part 'a' of the observation: ")):
        with pytest.raises(UnsupportedSpaceError, match=where) as caught:
            make(obs=refused).build_actor_critic_encoder("numpy")
        assert f"the observation space {space}, whose observations of shape {space.shape} hold no" in str(caught.value)


@pytest.mark.parametrize(
    ("obs", "actions", "name"), [(None, None, "observation_space"), ("obs", 3, "observation_space")]
)
def test_what_is_no_space_is_refused_at_once(obs: Any, actions: Any, name: str):
    with pytest.raises(ConfigError, match=rf"PPOCatalog needs a Gymnasium space as {name}, got"):
        PPOCatalog(obs, actions, {})


def test_an_action_space_is_needed_too():
    with pytest.raises(ConfigError, match="as action_space, got None"):
        PPOCatalog(gym.spaces.Discrete(2), None, {})
