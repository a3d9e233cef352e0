from __future__ import annotations

from typing import Any

import pytest

from rlmodule_core import (
    ActorCriticEncoderConfig,
    AttentionEncoderConfig,
    CNNEncoderConfig,
    ConfigError,
    MLPEncoderConfig,
    MLPHeadConfig,
    MultiStreamEncoderConfig,
    RecurrentEncoderConfig,
    get_backend,
)
from rlmodule_core.plans import GRU, LSTM, Chain, Dense, Encoder, GatedAttention, LayerNorm

TOKENIZER = MLPEncoderConfig(input_dims=(3,), hidden_layer_dims=(5,))


def test_the_input_is_the_tokenizer_s():
    config = RecurrentEncoderConfig(tokenizer_config=TOKENIZER, hidden_dim=4)
    assert config.input_dims == (3,)
    assert config.output_dims == (4,)
    assert config.plan().tokenizer == TOKENIZER.plan()
    assert config.plan().cells == (LSTM(5, 4),)


def test_vectors_need_no_tokenizer():
    plan = RecurrentEncoderConfig(input_dims=(3,), hidden_dim=4, recurrent_layer_type="gru", num_layers=2).plan()
    assert plan.tokenizer == Encoder(Chain(()))
    assert plan.cells == (GRU(3, 4), GRU(4, 4))


def test_what_is_told_of_the_step_before_widens_the_first_layer_alone():
    told: dict[str, Any] = {"tokenizer_config": TOKENIZER, "prev_actions": 3, "prev_rewards": True}
    recurrent = RecurrentEncoderConfig(hidden_dim=4, num_layers=2, use_layernorm=True, **told).plan()
    assert recurrent.cells == (LSTM(9, 4), LSTM(4, 4))
    assert recurrent.norms == (LayerNorm(4), LayerNorm(4))
    attention = AttentionEncoderConfig(dim=6, num_units=2, num_heads=2, head_dim=7, memory=8, mlp_dim=9, **told).plan()
    assert attention.entry == Chain((Dense(9, 6, gain=1.0),))
    assert attention.cells == (GatedAttention(6, 2, 7, 8, 9, 2.0),) * 2


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_biases_may_be_left_out(kind: str):
    config = RecurrentEncoderConfig(input_dims=(3,), hidden_dim=4, recurrent_layer_type=kind, use_bias=False)
    assert get_backend("numpy").get_weights(config.build("numpy")).keys() == {"cell_0.weight_ih", "cell_0.weight_hh"}


def test_nested_observations_and_images_go_through_their_tokenizers():
    image = CNNEncoderConfig(input_dims=(4, 4, 1), hidden_layer_dims=(6,))
    streams = MultiStreamEncoderConfig(base_encoder_configs={"image": image, "body": TOKENIZER}, hidden_layer_dims=(7,))
    assert RecurrentEncoderConfig(tokenizer_config=image, hidden_dim=4).plan().cells == (LSTM(6, 4),)
    assert RecurrentEncoderConfig(tokenizer_config=streams, hidden_dim=4).plan().cells == (LSTM(7, 4),)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: RecurrentEncoderConfig(input_dims=(3,), hidden_dim=0), "hidden_dim must be a positive integer"),
        (lambda: RecurrentEncoderConfig(input_dims=(3,), hidden_dim=4, num_layers=0), "num_layers must be a positive"),
        (
            lambda: RecurrentEncoderConfig(input_dims=(3,), hidden_dim=4, recurrent_layer_type="ltsm"),
            "one of lstm, gru, got 'ltsm'. Did you mean 'lstm'",
        ),
        (
            lambda: RecurrentEncoderConfig(input_dims=(3,), hidden_dim=4, prev_actions=2.0),  # type: ignore[arg-type]
            "prev_actions must be a width",
        ),
        (
            lambda: RecurrentEncoderConfig(input_dims=(3,), hidden_dim=4, prev_actions=-1),
            "prev_actions must be a width",
        ),
        (lambda: AttentionEncoderConfig(input_dims=(3,), num_units=0), "num_units must be a positive integer"),
        (lambda: AttentionEncoderConfig(input_dims=(3,), memory=0).plan(), "Attend.window must be a positive integer"),
        (lambda: RecurrentEncoderConfig(input_dims=(3, 2), hidden_dim=4).plan(), r"takes vectors, got rows of shape"),
        (
            lambda: RecurrentEncoderConfig(
                tokenizer_config=MLPHeadConfig(input_dims=(3,), hidden_layer_dims=(4,)), hidden_dim=4
            ).plan(),
            "config of an encoder of single steps .*got MLPHeadConfig",
        ),
        (
            lambda: RecurrentEncoderConfig(
                tokenizer_config=RecurrentEncoderConfig(input_dims=(3,), hidden_dim=4), hidden_dim=4
            ).plan(),
            "config of an encoder of single steps .*got RecurrentEncoderConfig",
        ),
        (
            lambda: MultiStreamEncoderConfig(
                base_encoder_configs={"a": RecurrentEncoderConfig(input_dims=(3,), hidden_dim=4)}
            ).plan(),
            "base_encoder_configs.*got RecurrentEncoderConfig",
        ),
    ],
)
def test_what_does_not_fit_is_named(make: Any, text: str):
    with pytest.raises(ConfigError, match=text):
        make()


def test_two_encoders_of_one_config_have_weights_of_their_own():
    config = ActorCriticEncoderConfig(
        base_encoder_config=RecurrentEncoderConfig(tokenizer_config=TOKENIZER, hidden_dim=4), shared=False
    )
    assert config.output_dims == (4,)
    weights = get_backend("numpy").get_weights(config.build("numpy"))
    assert {name.split(".")[0] for name in weights} == {"actor", "critic"}
    assert (weights["actor.cell_0.weight_hh"] != weights["critic.cell_0.weight_hh"]).any()
