from __future__ import annotations

import numpy as np
import pytest

from rlmodule_core import (
    ActorCriticEncoderConfig,
    ConfigError,
    MLPEncoderConfig,
    MLPHeadConfig,
    MultiStreamEncoderConfig,
    get_backend,
)
from rlmodule_core.plans import Concat, Dense

ONE = MLPEncoderConfig(input_dims=(3,), hidden_layer_dims=(4,))
TWO = MLPEncoderConfig(input_dims=(2,), hidden_layer_dims=(5,))


def test_streams_are_nested_as_observations_are():
    config = MultiStreamEncoderConfig(
        base_encoder_configs={"a": ONE, "b": {"0": TWO, "1": ONE}}, hidden_layer_dims=(6,)
    )
    fusion = config.plan().net
    assert fusion.inputs.keys == ("a", "b")
    assert fusion.inputs.nets == (ONE.plan().net, fusion.inputs.nets[1])
    assert fusion.inputs.nets[1].dims == ((2,), (3,))
    assert fusion.net.records[:2] == (Concat(), Dense(4 + 5 + 4, 6))
    assert config.output_dims == (6,)


def test_actor_and_critic_may_have_one_each():
    base = MultiStreamEncoderConfig(base_encoder_configs={"a": ONE}, hidden_layer_dims=(6,))
    encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=False).build("numpy")
    names = get_backend("numpy").get_weights(encoder)
    assert "actor.inputs.a.0.weight" in names
    assert "critic.fusion.1.weight" in names
    out = encoder({"obs": {"a": np.ones((2, 3), np.float32)}})["encoder_out"]
    assert out["actor"].shape == out["critic"].shape == (2, 6)


def test_a_stream_that_is_no_encoder_is_named_by_its_key():
    head = MLPHeadConfig(input_dims=(3,), output_layer_dim=2)
    with pytest.raises(ConfigError, match=r"base_encoder_configs\['b'\] must be an encoder's config.*MLPHeadConfig"):
        MultiStreamEncoderConfig(base_encoder_configs={"a": ONE, "b": head}).plan()
    with pytest.raises(ConfigError, match=r"base_encoder_configs\['a'\] must be an encoder's config.*got int"):
        MultiStreamEncoderConfig(base_encoder_configs={"a": 3}).plan()


def test_no_stream_at_all_is_refused():
    with pytest.raises(ConfigError, match="one key at least"):
        MultiStreamEncoderConfig(base_encoder_configs={}).plan()
