from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_core import ActorCriticEncoderConfig, FreeLogStdMLPHeadConfig, MLPEncoderConfig, get_backend
from rlmodule_core.plans import Chain, Composite, Dense, Dims, Plan, escape_key, join_name, weight_shapes

_BASE = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,), hidden_layer_use_layernorm=True, output_layer_dim=3)


@dataclass(frozen=True)
class _Keyed(Composite):
    """One child for each key, all fed with the same input."""

    nets: dict[str, Plan]

    def children(self) -> dict[str, Plan]:
        return dict(self.nets)

    def route(self, children: Any, inputs: Any) -> Any:
        return {key: children[key](inputs) for key in self.nets}

    def output_dims(self, input_dims: Dims) -> Dims:
        return input_dims


def test_shared_encoders_are_named_once():
    plan = ActorCriticEncoderConfig(base_encoder_config=_BASE).plan()
    assert weight_shapes(plan) == {
        "shared.0.weight": (8, 4),
        "shared.0.bias": (8,),
        "shared.1.weight": (8,),
        "shared.1.bias": (8,),
        "shared.3.weight": (3, 8),
        "shared.3.bias": (3,),
    }


def test_separate_encoders_are_named_by_their_use():
    plan = ActorCriticEncoderConfig(base_encoder_config=_BASE, shared=False).plan()
    names = list(weight_shapes(plan))
    assert names[0] == "actor.0.weight"
    assert names[6] == "critic.0.weight"
    assert len(names) == 12


def test_a_free_parameter_is_called_value():
    plan = FreeLogStdMLPHeadConfig(input_dims=(2,), hidden_layer_dims=(), output_layer_dim=6).plan()
    assert weight_shapes(plan) == {"0.weight": (3, 2), "0.bias": (3,), "1.value": (3,)}


def test_dots_and_percents_in_keys_are_escaped_in_names_and_in_networks():
    plan = _Keyed({"a.b": Chain((Dense(1, 2),)), "50%": Chain((Dense(1, 3),)), "type": Dense(1, 4)})
    names = ["a%2Eb.0.weight", "a%2Eb.0.bias", "50%25.0.weight", "50%25.0.bias", "type.weight", "type.bias"]
    assert list(weight_shapes(plan)) == names
    network = get_backend("numpy").lower(plan)
    assert list(get_backend("numpy").get_weights(network)) == names
    assert network(np.ones((1, 1), np.float32))["50%"].shape == (1, 3)


@given(st.lists(st.text(alphabet="a.%25E", min_size=1), min_size=1, max_size=3))
def test_a_name_tells_its_keys(keys: list[str]):
    parts = join_name(*map(escape_key, keys)).split(".")
    assert [part.replace("%2E", ".").replace("%25", "%") for part in parts] == keys


def test_empty_keys_add_nothing():
    assert join_name("", "0", "", "weight") == "0.weight"
