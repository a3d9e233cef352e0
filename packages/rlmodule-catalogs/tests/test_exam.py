from __future__ import annotations

from dataclasses import fields
from typing import ClassVar

import gymnasium as gym
import numpy as np

from rlmodule_catalogs import ModelSettings, PPOCatalog
from rlmodule_core import ActorCriticRLModule
from rlmodule_core.testing import CatalogSuite, ModuleSuite

SEVERAL = gym.spaces.Dict(
    {
        "camera": gym.spaces.Box(0, 255, (4, 4, 1), np.uint8),
        "body": gym.spaces.Tuple((gym.spaces.Box(-1.0, 1.0, (3,)), gym.spaces.Discrete(3, start=1))),
        "flags": gym.spaces.MultiBinary(2),
    }
)


def _unused_with(switch: str, *on: str) -> dict[str, str]:
    """The settings that are on, and those that one kind of memory excludes."""
    kept = "attention_" if switch == "use_attention" else "lstm_"
    names = [field.name for field in fields(ModelSettings) if field.name.startswith(("use_", "lstm_", "attention_"))]
    excluded = [name for name in names if name != switch and not name.startswith(kept)]
    return {
        **dict.fromkeys((switch, *on), "It is on, and what else is set needs it."),
        **dict.fromkeys(excluded, f"{switch} excludes it."),
    }


class TestPPOCatalog(CatalogSuite):
    catalog_class = PPOCatalog


class TestPPOCatalogWithLSTM(CatalogSuite):
    spaces = CatalogSuite.spaces[1::3]
    catalog_class, settings_without_effect = PPOCatalog, _unused_with("use_lstm")
    settings: ClassVar = {"use_lstm": True, "fcnet_hiddens": (8,), "lstm_cell_size": 6}


class TestPPOCatalogWithGRU(CatalogSuite):
    spaces = CatalogSuite.spaces[1::3]
    catalog_class, settings_without_effect = PPOCatalog, _unused_with("use_gru", "lstm_use_prev_action")
    settings: ClassVar = {"use_gru": True, "fcnet_hiddens": (8,), "lstm_cell_size": 6, "lstm_use_prev_action": True}


class TestPPOCatalogWithAttention(CatalogSuite):
    spaces = CatalogSuite.spaces[1::3]
    catalog_class, settings_without_effect = PPOCatalog, _unused_with("use_attention")
    settings: ClassVar = {"use_attention": True, "fcnet_hiddens": (8,), "attention_dim": 8}


class TestPPOCatalogOverSeveralObservations(CatalogSuite):
    catalog_class, settings = PPOCatalog, {"fcnet_hiddens": (8,)}
    spaces = (
        (SEVERAL, gym.spaces.Discrete(3)),
        (gym.spaces.Tuple((gym.spaces.MultiDiscrete([[2, 3]]), SEVERAL)), gym.spaces.Box(-1.0, 1.0, (2,))),
    )


class TestModuleOfPPOCatalog(ModuleSuite):
    module_class, catalog_class, framework = ActorCriticRLModule, PPOCatalog, "numpy"


class TestModuleThatRemembers(ModuleSuite):
    module_class, catalog_class, framework = ActorCriticRLModule, PPOCatalog, "numpy"
    model_config_dict: ClassVar = {
        "use_lstm": True,
        "lstm_use_prev_action": True,
        "fcnet_hiddens": (8,),
        "lstm_cell_size": 6,
    }
    observation_space = SEVERAL


class TestModuleOverSeveralObservations(ModuleSuite):
    module_class, catalog_class, framework = ActorCriticRLModule, PPOCatalog, "numpy"
    observation_space = SEVERAL
