from __future__ import annotations

import re
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_catalogs import Catalog, PPOCatalog
from rlmodule_core import ConfigError, MLPEncoderConfig, ModelConfig
from rlmodule_core.plans import GRU, LSTM, GatedAttention, LayerNorm

ACTIONS = gym.spaces.Dict(
    {"aim": gym.spaces.Box(-1.0, 1.0, (2,)), "go": gym.spaces.MultiDiscrete([2, 3]), "flags": gym.spaces.MultiBinary(2)}
)
WIDTH = 2 + 5 + 4


@pytest.mark.parametrize(("switch", "cell"), [("use_lstm", LSTM), ("use_gru", GRU)])
def test_recurrent_layers_lie_behind_the_usual_encoder(make: Any, switch: str, cell: Any):
    plan = (
        make(Catalog, **{switch: True}, fcnet_hiddens=[8], lstm_cell_size=6, lstm_num_layers=2)
        .get_encoder_config()
        .plan()
    )
    assert plan.tokenizer == make(Catalog, fcnet_hiddens=[8]).get_encoder_config().plan()
    assert plan.cells == (cell(8, 6), cell(6, 6))
    assert plan.norms == ()


def test_a_layer_norm_lies_behind_each_layer_where_asked(make: Any):
    plan = make(use_lstm=True, lstm_cell_size=6, lstm_num_layers=2, lstm_use_layernorm=True).get_encoder_config().plan()
    assert plan.norms == (LayerNorm(6), LayerNorm(6))


def test_attention_is_made_as_the_settings_say(make: Any):
    settings = {
        "attention_num_transformer_units": 2,
        "attention_dim": 8,
        "attention_num_heads": 3,
        "attention_head_dim": 5,
        "attention_memory_inference": 7,
        "attention_memory_training": 7,
        "attention_position_wise_mlp_dim": 9,
        "attention_init_gru_gate_bias": 1.5,
    }
    plan = make(use_attention=True, **settings).get_encoder_config().plan()
    assert plan.cells == (GatedAttention(8, 3, 5, 7, 9, 1.5),) * 2
    assert plan.state_shapes() == {"memory": (2, 7, 8), "filled": (2,)}


@pytest.mark.parametrize(
    ("switch", "action", "reward"),
    [
        ("use_lstm", "lstm_use_prev_action", "lstm_use_prev_reward"),
        ("use_gru", "lstm_use_prev_action", "lstm_use_prev_reward"),
        ("use_attention", "attention_use_n_prev_actions", "attention_use_n_prev_rewards"),
    ],
)
def test_previous_actions_and_rewards_widen_what_the_memory_gets(make: Any, switch: str, action: str, reward: str):
    on: Any = 1 if switch == "use_attention" else True

    def inputs(**settings: Any) -> int:
        plan = make(actions=ACTIONS, fcnet_hiddens=[8], **{switch: True}, **settings).get_encoder_config().plan()
        return int(plan.entry.records[0].inputs if plan.entry.records else plan.cells[0].inputs)

    assert (inputs(), inputs(**{action: on}), inputs(**{reward: on})) == (8, 8 + WIDTH, 9)
    assert inputs(**{action: on, reward: on}) == 9 + WIDTH


@pytest.mark.parametrize("shared", [True, False])
def test_heads_are_as_wide_as_the_memory(make: Any, shared: bool):
    catalog = make(use_gru=True, fcnet_hiddens=[8], lstm_cell_size=6, vf_share_layers=shared)
    assert catalog.latent_dims == (6,)
    assert catalog.get_pi_head_config().input_dims == (6,)
    keys = {"h"} if shared else {"actor", "critic"}
    assert catalog.get_actor_critic_encoder_config().plan().state_shapes().keys() == keys


def test_another_tokenizer_keeps_the_memory():
    class Mine(PPOCatalog):
        def get_tokenizer_config(self) -> ModelConfig:
            return MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(3,))

    catalog = Mine(gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2), {"use_lstm": True, "lstm_cell_size": 5})
    assert catalog.get_encoder_config().plan().cells == (LSTM(3, 5),)


def test_a_mask_reaches_no_memory(make: Any):
    numbers, mask = gym.spaces.Box(-1, 1, (4,)), gym.spaces.MultiBinary(3)
    spaces = [gym.spaces.Dict({"numbers": numbers, **more}) for more in ({}, {"action_mask": mask})]
    plain, masked = (
        make(obs=space, actions=gym.spaces.Discrete(3), use_lstm=True).get_encoder_config() for space in spaces
    )
    assert plain == masked


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"use_lstm": True, "use_attention": True}, "'use_lstm' and 'use_attention' exclude each other"),
        ({"use_lstm": True, "use_gru": True}, "'use_lstm' and 'use_gru' exclude each other"),
        ({"lstm_use_prev_action": True}, "'lstm_use_prev_action' .* set 'use_lstm' or 'use_gru' to True"),
        ({"use_attention": True, "lstm_cell_size": 8}, "'lstm_cell_size' .* set 'use_lstm' or 'use_gru' to True"),
        ({"use_lstm": True, "attention_dim": 8}, "'attention_dim' .* set 'use_attention' to True"),
        ({"use_lstm": True, "lstm_cell_size": 0}, "'lstm_cell_size' must be a positive integer, got 0"),
        ({"use_lstm": True, "lstm_num_layers": True}, "'lstm_num_layers' must be a positive integer, got True"),
        ({"max_seq_len": 2.5}, r"'max_seq_len' must be a positive integer, got 2\.5"),
        ({"use_attention": True, "attention_memory_training": 5}, r"\(5\) must be that of 'attention_memory_inf"),
        ({"use_attention": True, "attention_use_n_prev_actions": 2}, "'attention_use_n_prev_actions' must be 0 or 1"),
        ({"use_attention": True, "attention_use_n_prev_rewards": True}, "'attention_use_n_prev_rewards' must be 0 or"),
        ({"use_attention": True, "attention_init_gru_gate_bias": "2"}, "gate_bias' must be a number, got '2'"),
    ],
)
def test_settings_that_nothing_would_read_or_that_contradict_are_refused(make: Any, settings: Any, text: str):
    with pytest.raises(ConfigError, match=text):
        make(**settings)


def test_settings_given_at_their_defaults_are_no_contradiction(make: Any):
    assert make(use_attention=True, lstm_cell_size=256, use_lstm=False).settings.use_attention


def test_an_unknown_key_of_attention_gets_the_nearest_name(make: Any):
    with pytest.raises(ConfigError, match=re.escape("'attention_dims'. Did you mean 'attention_dim'?")):
        make(attention_dims=3)


def test_actions_that_cannot_be_encoded_are_refused_only_where_they_are_asked_for():
    spaces = gym.spaces.Box(-1, 1, (4,)), gym.spaces.Text(3)
    Catalog(*spaces, {"use_lstm": True}).get_encoder_config()
    with pytest.raises(ConfigError, match=r"Text\(.*override Catalog\.get_encoder_config"):
        Catalog(*spaces, {"use_lstm": True, "lstm_use_prev_action": True}).get_encoder_config()


def test_a_sequence_of_images_goes_through_tokenizer_and_memory():
    space = gym.spaces.Box(0, 255, (8, 8, 1), np.uint8)
    encoder = Catalog(space, gym.spaces.Discrete(2), {"use_lstm": True, "lstm_cell_size": 5}).build_encoder("numpy")
    state = {leaf: np.zeros((2, 1, 5), np.float32) for leaf in ("h", "c")}
    out = encoder({"obs": np.zeros((2, 3, 8, 8, 1), np.uint8), "state_in": state})
    assert out["encoder_out"].shape == (2, 3, 5)
