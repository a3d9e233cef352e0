"""The setting `normalize_observations`."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_catalogs import PPOCatalog
from rlmodule_core import ActorCriticRLModule, ConfigError, default_backend_name
from rlmodule_core.plans import Normalise, walk_records
from rlmodule_core.testing import CatalogSuite, ModuleSuite

SPEED = gym.spaces.Box(-np.inf, np.inf, (3,))
IMAGE = gym.spaces.Box(0.0, 1.0, (4, 4, 1))
SEVERAL = gym.spaces.Dict(
    {
        "camera": IMAGE,
        "body": gym.spaces.Tuple((SPEED, gym.spaces.Discrete(3), gym.spaces.Box(-1.0, 1.0, (2, 2), np.float64))),
        "keys": gym.spaces.Box(0, 9, (2,), np.int64),
        "clock": gym.spaces.Box(0.0, 1.0, ()),
    }
)


def normalised(catalog: PPOCatalog) -> dict[str, Normalise]:
    records = walk_records(catalog.get_actor_critic_encoder_config().plan())
    return {name: record for name, record in records if isinstance(record, Normalise)}


@pytest.mark.parametrize(
    ("space", "size"), [(SPEED, 3), (gym.spaces.Box(-1, 1, ()), 1), (gym.spaces.Box(0, 1, (2, 3)), 6)]
)
def test_floats_are_normalised_as_vectors(make: Any, space: gym.Space[Any], size: int):
    assert list(normalised(make(obs=space, normalize_observations=True)).values()) == [Normalise(size)]
    assert normalised(make(obs=space)) == {}


def test_inside_nested_spaces_so_are_the_floats_that_are_no_image(make: Any):
    found = normalised(make(obs=SEVERAL, normalize_observations=True))
    inputs = "shared.inputs."
    assert {name.removeprefix(inputs).rpartition(".")[0]: record.size for name, record in found.items()} == {
        "body.0": 3,
        "body.2": 4,
        "clock": 1,
    }


def test_actor_and_critic_have_statistics_each(make: Any):
    found = normalised(make(obs=SPEED, normalize_observations=True, vf_share_layers=False))
    assert list(found) == ["actor.0", "critic.0"]


def test_an_action_mask_is_not_normalised(make: Any):
    mask = gym.spaces.Box(0.0, 1.0, (2,))
    masked = gym.spaces.Dict({"action_mask": mask, "speed": SPEED})
    found = normalised(make(obs=masked, actions=gym.spaces.Discrete(2), normalize_observations=True))
    assert list(found) == ["shared.inputs.speed.0"]
    alone = gym.spaces.Dict({"action_mask": mask, "key": gym.spaces.Discrete(2)})
    with pytest.raises(ConfigError, match="finds nothing to normalise"):
        make(obs=alone, actions=gym.spaces.Discrete(2), normalize_observations=True).get_encoder_config()


@pytest.mark.parametrize(
    "space", [IMAGE, gym.spaces.Discrete(3), gym.spaces.MultiBinary(2), gym.spaces.Box(0, 255, (3,), np.uint8)]
)
def test_where_there_is_nothing_to_normalise_the_setting_is_refused(make: Any, space: gym.Space[Any]):
    for obs in (space, gym.spaces.Tuple((space,))):
        with pytest.raises(
            ConfigError, match=r"'normalize_observations' finds nothing to normalise in .*Leave it False"
        ):
            make(obs=obs, normalize_observations=True).get_encoder_config()
        make(obs=obs).get_encoder_config()


class TestCatalog(CatalogSuite):
    catalog_class, settings = PPOCatalog, {"fcnet_hiddens": (8,), "normalize_observations": True}
    other_values: ClassVar[Any] = {"normalize_observations": False}
    spaces = ((SEVERAL, gym.spaces.Discrete(3)), (SPEED, gym.spaces.Box(-1.0, 1.0, (2,))))


class TestModule(ModuleSuite):
    module_class, catalog_class, framework = ActorCriticRLModule, PPOCatalog, "numpy"
    observation_space, model_config_dict = SEVERAL, {"normalize_observations": True, "vf_share_layers": False}


class TestModuleThatTrains(TestModule):
    framework = default_backend_name()
