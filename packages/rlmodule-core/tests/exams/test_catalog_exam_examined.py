from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import pytest

from rlmodule_core import ConfigError, UnsupportedSpaceError
from rlmodule_core.testing import CatalogSuite

rlmodule_catalogs = pytest.importorskip("rlmodule_catalogs")
ModelSettings, PPOCatalog = rlmodule_catalogs.ModelSettings, rlmodule_catalogs.PPOCatalog


class FixedHeadWidth(PPOCatalog):
    def get_pi_head_config(self) -> Any:
        return replace(super().get_pi_head_config(), output_layer_dim=4)


class WideValueHead(PPOCatalog):
    def get_vf_head_config(self) -> Any:
        return replace(super().get_vf_head_config(), output_layer_dim=2)


class IgnoresUnknownKeys(PPOCatalog):
    def __init__(self, observation_space: Any, action_space: Any, model_config_dict: Mapping[str, Any]) -> None:
        known = {key: value for key, value in model_config_dict.items() if key in ModelSettings.__dataclass_fields__}
        super().__init__(observation_space, action_space, known)


class NamesNoNearestKey(PPOCatalog):
    def __init__(self, observation_space: Any, action_space: Any, model_config_dict: Mapping[str, Any]) -> None:
        try:
            super().__init__(observation_space, action_space, model_config_dict)
        except ConfigError:
            raise ConfigError("Unknown model setting.") from None


class IgnoresASetting(PPOCatalog):
    def get_encoder_config(self) -> Any:
        return replace(super().get_encoder_config(), hidden_layer_activation="tanh", output_layer_activation="tanh")


class SaysNothingOfTheSpace(PPOCatalog):
    def get_encoder_config(self) -> Any:
        try:
            return super().get_encoder_config()
        except UnsupportedSpaceError:
            raise UnsupportedSpaceError("Unsupported observation space.") from None


class NamesNoMethod(PPOCatalog):
    def get_action_descriptor(self) -> Any:
        if isinstance(self.action_space, gym.spaces.Discrete | gym.spaces.Box):
            return super().get_action_descriptor()
        raise UnsupportedSpaceError(f"Unsupported: {self.action_space}.")


class GivesNotANumber(PPOCatalog):
    def build_pi_head(self, framework: str) -> Any:
        head = super().build_pi_head(framework)
        return lambda latents: head(latents) * float("nan")


class ForgetsTheCritic(PPOCatalog):
    """Its value head is cut off from the gradients: the same numbers for every observation."""

    def build_vf_head(self, framework: str) -> Any:
        head = super().build_vf_head(framework)
        if framework == "torch":
            head.requires_grad_(False)
        return head


@dataclass(frozen=True, kw_only=True)
class MoreSettings(ModelSettings):
    planned: int = 3


class HasAnIdleSetting(PPOCatalog):
    settings_class = MoreSettings


EFFECT = "every_setting_has_an_effect_or_a_reason_why_not"
UNKNOWN = "an_unknown_setting_is_refused_with_the_nearest_name"
SPACE = "an_unsupported_space_is_named_with_the_method_to_override"
WIDTHS = "heads_are_as_wide_as_the_action_distribution_and_the_value"
STEP = "a_module_built_with_it_takes_a_gradient_step"
CHECKPOINT = "a_module_built_with_it_comes_back_from_a_checkpoint"

BROKEN: dict[type[Any], set[str]] = {
    PPOCatalog: set(),
    FixedHeadWidth: {WIDTHS, STEP, CHECKPOINT},
    WideValueHead: {WIDTHS, STEP, CHECKPOINT},
    IgnoresUnknownKeys: {UNKNOWN},
    NamesNoNearestKey: {UNKNOWN},
    IgnoresASetting: {EFFECT},
    SaysNothingOfTheSpace: {SPACE},
    NamesNoMethod: {SPACE},
    GivesNotANumber: {"networks_are_built_for_every_pair_of_spaces", STEP},
    ForgetsTheCritic: {STEP},
    HasAnIdleSetting: {EFFECT},
}


def _suite(catalog: type[Any], **attributes: Any) -> type[CatalogSuite]:
    small = {"fcnet_hiddens": (8,)}
    return type("Suite", (CatalogSuite,), {"catalog_class": catalog, "settings": small, **attributes})


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_catalog_fails(failing: Any, broken: type[Any]):
    if STEP in BROKEN[broken]:
        pytest.importorskip("rlmodule_torch")
    assert failing(_suite(broken)) == BROKEN[broken]


def test_a_setting_may_be_idle_with_a_reason_only_while_it_is(failing: Any):
    listed = {"planned": "Read by the encoder of the next release."}
    assert failing(_suite(HasAnIdleSetting, settings_without_effect=listed)) == set()
    assert failing(_suite(PPOCatalog, settings_without_effect={"fcnet_hiddens": "It has one."})) == {EFFECT}
