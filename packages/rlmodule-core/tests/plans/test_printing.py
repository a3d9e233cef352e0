from __future__ import annotations

from rlmodule_core import ActorCriticEncoderConfig, FreeLogStdMLPHeadConfig, MLPEncoderConfig, MLPHeadConfig
from rlmodule_core.plans import Cast, Dense, LayerNorm, OneHot


def test_a_head_prints_one_layer_a_line():
    plan = MLPHeadConfig(input_dims=(4,), hidden_layer_dims=(8, 8), output_layer_dim=2).plan()
    assert str(plan) == (
        "Dense(4, 8)\n"  #
        "Activation('relu')\n"
        "Dense(8, 8)\n"
        "Activation('relu')\n"
        "Dense(8, 2)"
    )


def test_only_fields_that_differ_from_their_defaults_are_printed():
    assert repr(Dense(4, 8, bias=False, gain=0.5)) == "Dense(4, 8, bias=False, gain=0.5)"
    assert repr(LayerNorm(3)) == "LayerNorm(3)"
    assert repr(OneHot(5, start=-1)) == "OneHot(5, start=-1)"
    assert repr(Cast()) == "Cast()"


def test_a_free_parameter_is_printed_behind_the_means():
    plan = FreeLogStdMLPHeadConfig(input_dims=(2,), hidden_layer_dims=(), output_layer_dim=6).plan()
    assert str(plan) == "Dense(2, 3)\nFreeParameter(3)"


def test_an_actor_critic_names_and_indents_its_encoders():
    base = MLPEncoderConfig(input_dims=(2,), hidden_layer_dims=(3,), hidden_layer_activation=None)
    shared = ActorCriticEncoderConfig(base_encoder_config=base)
    separate = ActorCriticEncoderConfig(base_encoder_config=base, shared=False)
    assert str(shared.plan()) == "shared:\n  Dense(2, 3)"
    assert str(separate.plan()) == "actor:\n  Dense(2, 3)\ncritic:\n  Dense(2, 3)"
