from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import ConfigError, UnsupportedSpaceError, get_backend
from rlmodule_core.testing import CatalogSuite, catalog_suite

rlmodule_catalogs = pytest.importorskip("rlmodule_catalogs")
ModelSettings, PPOCatalog = rlmodule_catalogs.ModelSettings, rlmodule_catalogs.PPOCatalog


@pytest.fixture(autouse=True)
def two_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that trains and one that does not are all that the fakes need, whatever else is installed."""
    monkeypatch.setattr(catalog_suite, "installed_backends", lambda architecture: ["numpy", "torch"])


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
    def get_tokenizer_config(self) -> Any:
        return replace(super().get_tokenizer_config(), hidden_layer_activation="tanh", output_layer_activation="tanh")


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
        head, backend = super().build_pi_head(framework), get_backend(framework)
        backend.set_weights(head, {name: array * np.nan for name, array in backend.get_weights(head).items()})
        return head


class ForgetsTheCritic(PPOCatalog):
    """Its value head is cut off from the gradients: the same numbers for every observation."""

    def build_vf_head(self, framework: str) -> Any:
        head = super().build_vf_head(framework)
        if framework == "torch":
            head.requires_grad_(False)
        return head


class OnTorchAlone(PPOCatalog):
    """Says so where it is asked for another framework."""

    def build_vf_head(self, framework: str) -> Any:
        if framework != "torch":
            raise ConfigError(f"The value head exists for torch only, not for {framework!r}.")
        return super().build_vf_head(framework)


class OnTorchAloneSilently(PPOCatalog):
    def build_vf_head(self, framework: str) -> Any:
        if framework != "torch":
            raise ConfigError("The value head exists for torch only.")
        return super().build_vf_head(framework)


class Nowhere(PPOCatalog):
    def build_vf_head(self, framework: str) -> Any:
        raise ConfigError(f"Not yet written for {framework!r}.")


@dataclass(frozen=True, kw_only=True)
class MoreSettings(ModelSettings):
    planned: int = 3


class HasAnIdleSetting(PPOCatalog):
    settings_class = MoreSettings


AssertFails = Callable[[type[Any], Mapping[str, str]], None]
EFFECT = "every_setting_has_an_effect_or_a_reason_why_not"
UNKNOWN = "an_unknown_setting_is_refused_with_the_nearest_name"
SPACE = "an_unsupported_space_is_named_with_the_method_to_override"
WIDTHS = "heads_are_as_wide_as_the_action_distribution_and_the_value"
STEP = "a_module_built_with_it_takes_a_gradient_step"
BUILT = "networks_are_built_for_every_pair_of_spaces"
CHECKPOINT = "a_module_built_with_it_comes_back_from_a_checkpoint"

BROKEN: dict[type[Any], dict[str, str]] = {
    PPOCatalog: {},
    FixedHeadWidth: {
        WIDTHS: "the policy head: shape: expected (6, 3), got (6, 4)",
        STEP: "'action_dist_inputs' expected",
        CHECKPOINT: "'action_dist_inputs' expected",
    },
    WideValueHead: {
        WIDTHS: "the value head: shape: expected (6, 1), got (6, 2)",
        STEP: "must give one value a row",
        CHECKPOINT: "must give one value a row",
    },
    IgnoresUnknownKeys: {UNKNOWN: "the setting 'fcnet_hidden_': expected a ConfigError, got no error"},
    NamesNoNearestKey: {UNKNOWN: "in the text of the ConfigError, got: Unknown model setting."},
    IgnoresASetting: {EFFECT: "expected an effect of every setting, got none of ['fcnet_activation']"},
    SaysNothingOfTheSpace: {SPACE: "expected ['UnheardOfSpace()'] in the text of the UnsupportedSpaceError"},
    NamesNoMethod: {SPACE: "expected one of ['build_actor_critic_encoder', "},
    GivesNotANumber: {
        BUILT: "the policy head: expected finite numbers, got [nan].\nExamined: numpy, (Box",
        STEP: "'action_dist_inputs' is not finite",
    },
    ForgetsTheCritic: {STEP: "a weight of 'vf' after a step of the optimizer: expected it moved"},
    OnTorchAlone: {},
    OnTorchAloneSilently: dict.fromkeys(
        (BUILT, WIDTHS, CHECKPOINT), "The value head exists for torch only.\nExamined: numpy, (Box"
    )
    | {EFFECT: "expected an effect of every setting, got none of ['attention_dim', "},
    Nowhere: {
        BUILT: "expected a framework in which the networks are built, got refusals by all",
        EFFECT: "expected an effect of every setting, got none of ['attention_dim', ",
    },
    HasAnIdleSetting: {EFFECT: "got none of ['planned']"},
}

FAKES = {CatalogSuite: [*BROKEN.values()]}


def _suite(catalog: type[Any], idle: Mapping[str, str] | None = None) -> type[CatalogSuite]:
    without_effect = {} if idle is None else idle
    attributes = {"settings": {"fcnet_hiddens": (8,)}, "settings_without_effect": without_effect}
    return type("Suite", (CatalogSuite,), {"catalog_class": catalog, **attributes})


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_catalog_fails(assert_fails: AssertFails, broken: type[Any]):
    if STEP in BROKEN[broken] or broken is OnTorchAlone:
        pytest.importorskip("rlmodule_torch")
    assert_fails(_suite(broken), BROKEN[broken])


def test_a_setting_may_be_idle_with_a_reason_only_while_it_is(assert_fails: AssertFails):
    listed = {"planned": "Read by the encoder of the next release."}
    assert_fails(_suite(HasAnIdleSetting, listed), {})
    wrongly = _suite(PPOCatalog, {"fcnet_hiddens": "It has one."})
    assert_fails(wrongly, {EFFECT: "lists ['fcnet_hiddens'], which have an effect"})
