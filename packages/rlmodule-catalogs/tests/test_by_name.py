from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import pytest

from rlmodule_catalogs import Catalog, PPOCatalog
from rlmodule_core import PluginError, RLModuleConfig, SingleAgentRLModuleSpec, plugins
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule

SPACES = gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2)

CONTRIBUTED = """
from rlmodule_catalogs import PPOCatalog
from rlmodule_core import MLPEncoderConfig

class Thin(PPOCatalog):
    def get_encoder_config(self):
        return MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(3,))
"""


@pytest.fixture
def contributed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A catalog in a distribution of its own, as pip lays it down."""
    info = tmp_path / "thin_catalog-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thin-catalog\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rlmodule.catalogs]\nthin = thin_catalog:Thin\n")
    (tmp_path / "thin_catalog.py").write_text(CONTRIBUTED)
    monkeypatch.syspath_prepend(tmp_path)
    return "thin"


@pytest.mark.parametrize(("name", "cls"), [("base", Catalog), ("ppo", PPOCatalog)])
def test_our_catalogs_have_names(name: str, cls: type[Catalog]):
    assert type(RLModuleConfig(*SPACES, {}, name).get_catalog()) is cls


def test_a_contributed_catalog_builds_a_module_by_its_name(contributed: str):
    spec = SingleAgentRLModuleSpec(NumpyActorCriticRLModule, *SPACES, {}, contributed)
    shapes = {array.shape for name, array in spec.build().get_state().items() if name.startswith("encoder.")}
    assert shapes == {(3, 4), (3,)}
    assert contributed in plugins.names(plugins.CATALOGS)


def test_a_name_and_its_class_build_the_same(contributed: str):
    cls = plugins.load(plugins.CATALOGS, contributed)
    by_class = SingleAgentRLModuleSpec(NumpyActorCriticRLModule, *SPACES, {}, cls).build()
    by_name = SingleAgentRLModuleSpec(NumpyActorCriticRLModule, *SPACES, {}, contributed).build()
    assert by_class.frozen_plans() == by_name.frozen_plans()


def test_a_name_that_nobody_registered_lists_those_there_are():
    spec = SingleAgentRLModuleSpec(NumpyActorCriticRLModule, *SPACES, {}, "pppo")
    with pytest.raises(
        PluginError, match=r"'pppo' in rlmodule\.catalogs \(found: base, ppo.*\)\. Did you mean 'ppo'\?"
    ):
        spec.build()
