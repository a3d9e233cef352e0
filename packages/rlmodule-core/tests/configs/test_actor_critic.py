from __future__ import annotations

import numpy as np

from rlmodule_core import ActorCriticEncoderConfig, MLPEncoderConfig, get_backend
from rlmodule_core.plans import ActorCritic

_BASE = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,))
_OBS = {"obs": np.linspace(-1.0, 1.0, 12, dtype=np.float32).reshape(3, 4)}


def test_it_shares_one_encoder_by_default():
    config = ActorCriticEncoderConfig(base_encoder_config=_BASE)
    assert config.plan() == ActorCritic(shared=_BASE.plan())
    out = config.build("numpy")(_OBS)["encoder_out"]
    assert out["actor"] is out["critic"]
    assert out["actor"].shape == (3, 8)


def test_separate_encoders_have_weights_of_their_own():
    config = ActorCriticEncoderConfig(base_encoder_config=_BASE, shared=False)
    assert config.plan() == ActorCritic(actor=_BASE.plan(), critic=_BASE.plan())
    network = config.build("numpy")
    out = network(_OBS)["encoder_out"]
    assert not np.array_equal(out["actor"], out["critic"])
    weights = get_backend("numpy").get_weights(network)
    expected = np.maximum(_OBS["obs"] @ weights["critic.0.weight"].T + weights["critic.0.bias"], 0.0)
    np.testing.assert_allclose(out["critic"], expected, rtol=1e-5, atol=1e-6)


def test_input_and_output_dims_follow_from_the_base_config():
    config = ActorCriticEncoderConfig(base_encoder_config=_BASE, input_dims=(99,))
    assert config.input_dims == (4,)
    assert config.output_dims == (8,)


def test_the_actor_s_child_is_the_one_that_its_latents_come_from():
    for shared in (True, False):
        network = ActorCriticEncoderConfig(base_encoder_config=_BASE, shared=shared).build("numpy")
        alone = network.run_child(network.plan.actor_key, _OBS)["encoder_out"]
        np.testing.assert_array_equal(alone, network(_OBS)["encoder_out"]["actor"])
