"""Settings that an overridden method leaves out are not ignored in silence."""

from __future__ import annotations

from typing import Any

import pytest

from rlmodule_catalogs import Catalog, PPOCatalog
from rlmodule_core import ConfigError, MLPEncoderConfig, ModelConfig, RecurrentEncoderConfig
from rlmodule_core.plans import Normalise

PLAIN = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(5,))
NORMALISED = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(5,), before=(Normalise(4),))
REMEMBERING = RecurrentEncoderConfig(tokenizer_config=NORMALISED, recurrent_layer_type="lstm", hidden_dim=6)

NETWORKS = {
    PPOCatalog: lambda catalog: catalog.build_actor_critic_encoder("numpy"),
    Catalog: lambda catalog: catalog.build_encoder("numpy"),
}


def overriding(base: type[Catalog], method: str, config: ModelConfig) -> type[Catalog]:
    return type("Mine", (base,), {method: lambda self: config})


@pytest.mark.parametrize("base", NETWORKS)
@pytest.mark.parametrize("setting", ["use_lstm", "use_gru", "use_attention", "normalize_observations"])
def test_what_an_own_encoder_leaves_out_is_named(make: Any, base: type[Catalog], setting: str) -> None:
    catalog = make(overriding(base, "get_encoder_config", PLAIN), **{setting: True})
    with pytest.raises(ConfigError, match=f"'{setting}' has no effect, because Mine.*get_tokenizer_config"):
        NETWORKS[base](catalog)


@pytest.mark.parametrize("base", NETWORKS)
@pytest.mark.parametrize("settings", [{}, {"use_lstm": True}, {"normalize_observations": True}])
def test_what_an_own_encoder_has_may_be_asked_for(make: Any, base: type[Catalog], settings: dict[str, Any]) -> None:
    NETWORKS[base](make(overriding(base, "get_encoder_config", REMEMBERING), **settings))


@pytest.mark.parametrize("base", NETWORKS)
def test_an_own_tokenizer_gets_the_memory_that_is_asked_for(make: Any, base: type[Catalog]) -> None:
    catalog = make(overriding(base, "get_tokenizer_config", PLAIN), use_gru=True, lstm_cell_size=7)
    assert catalog.latent_dims == (7,)
    NETWORKS[base](catalog)
