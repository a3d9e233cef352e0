"""The guide: enabling RL Modules in the configuration."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from rlmodule_algorithms import PPOConfig
from rlmodule_core import ConfigError


def test_rl_modules_are_enabled_in_the_config(build: Any, framework: str, user: ModuleType):
    config = (
        PPOConfig()
        .framework(framework)
        .environment("CartPole-v1")
        .rl_module(_enable_rl_module_api=True)
        .training(_enable_learner_api=True)
    )
    assert type(build(config).get_module()) is user.PPOModule


@pytest.mark.parametrize(
    ("group", "flag"), [("rl_module", "_enable_rl_module_api"), ("training", "_enable_learner_api")]
)
def test_they_cannot_be_disabled(group: str, flag: str):
    with pytest.raises(ConfigError, match=f"{flag}=False is not possible:"):
        getattr(PPOConfig(), group)(**{flag: False})
