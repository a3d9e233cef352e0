from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rlmodule_core import (
    BackendNotFoundError,
    ConfigError,
    FreeLogStdMLPHeadConfig,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModelConfig,
    build_network,
)
from rlmodule_core.plans import Activation, Cast, Chain, Dense, Encoder, FreeParameter, LayerNorm, OneHot

_GAIN = math.sqrt(2.0)


def _head(**changes: Any) -> Chain:
    return MLPHeadConfig(**{"input_dims": (4,), "hidden_layer_dims": (8,), "output_layer_dim": 2, **changes}).plan()


_RELU = Activation("relu")


@pytest.mark.parametrize(
    ("changes", "records"),
    [
        ({}, (Dense(4, 8), _RELU, Dense(8, 2))),
        ({"input_dims": [5]}, (Dense(5, 8), _RELU, Dense(8, 2))),
        ({"hidden_layer_dims": []}, (Dense(4, 2),)),
        ({"hidden_layer_dims": [3, 5]}, (Dense(4, 3), _RELU, Dense(3, 5), _RELU, Dense(5, 2))),
        ({"hidden_layer_use_bias": False}, (Dense(4, 8, bias=False), _RELU, Dense(8, 2))),
        ({"hidden_layer_activation": "tanh"}, (Dense(4, 8), Activation("tanh"), Dense(8, 2))),
        ({"hidden_layer_activation": None}, (Dense(4, 8), Dense(8, 2))),
        ({"hidden_layer_activation": "linear"}, (Dense(4, 8), Dense(8, 2))),
        ({"hidden_layer_activation": "swish"}, (Dense(4, 8), Activation("silu"), Dense(8, 2))),
        ({"hidden_layer_use_layernorm": True}, (Dense(4, 8), LayerNorm(8), _RELU, Dense(8, 2))),
        ({"output_layer_dim": None}, (Dense(4, 8), _RELU)),
        ({"output_layer_use_bias": False}, (Dense(4, 8), _RELU, Dense(8, 2, bias=False))),
        ({"output_layer_activation": "elu"}, (Dense(4, 8), _RELU, Dense(8, 2), Activation("elu"))),
        ({"output_layer_gain": 0.01}, (Dense(4, 8), _RELU, Dense(8, 2, gain=0.01))),
    ],
)
def test_each_field_has_its_effect_on_the_plan(changes: dict[str, Any], records: tuple[Any, ...]):
    assert _head(**changes) == Chain(records)


def test_the_defaults_are_two_relu_layers_of_256():
    plan = MLPHeadConfig(input_dims=(4,)).plan()
    assert plan == Chain((Dense(4, 256, True, _GAIN), _RELU, Dense(256, 256, True, _GAIN), _RELU))


def test_output_dims_are_those_of_the_last_layer():
    assert MLPHeadConfig(input_dims=(4,), hidden_layer_dims=(8,), output_layer_dim=2).output_dims == (2,)
    assert MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,)).output_dims == (8,)
    assert FreeLogStdMLPHeadConfig(input_dims=(4,), output_layer_dim=6).output_dims == (6,)


def test_an_encoder_may_cast_and_one_hot_its_input():
    cast = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,), cast=True)
    assert cast.plan() == Encoder(Chain((Cast(), Dense(4, 8), _RELU)))
    discrete = MLPEncoderConfig(input_dims=(), hidden_layer_dims=(8,), one_hot=OneHot(5, start=2))
    assert discrete.plan() == Encoder(Chain((OneHot(5, start=2), Dense(5, 8), _RELU)))


def test_a_free_log_std_head_yields_the_means_by_the_network_alone():
    plan = FreeLogStdMLPHeadConfig(input_dims=(4,), hidden_layer_dims=(8,), output_layer_dim=6).plan()
    assert plan == Chain((Dense(4, 8), _RELU, Dense(8, 3), FreeParameter(3)))


@pytest.mark.parametrize("dim", [1, 7, None])
def test_a_free_log_std_head_needs_an_even_width(dim: int | None):
    with pytest.raises(ConfigError, match=rf"FreeLogStdMLPHeadConfig.output_layer_dim must be even.*got {dim!r}"):
        FreeLogStdMLPHeadConfig(input_dims=(4,), hidden_layer_dims=(8,), output_layer_dim=dim).plan()


@pytest.mark.parametrize("field", ["hidden_layer_activation", "output_layer_activation"])
def test_an_unknown_activation_is_refused_with_the_nearest_name(field: str):
    with pytest.raises(ConfigError, match=r"got 'reluu'\. Did you mean 'relu'\?"):
        _head(**{field: "reluu"})


@pytest.mark.parametrize("field", ["hidden_layer_dims", "output_layer_dim"])
@pytest.mark.parametrize("size", [0, -3, 2.5, "8"])
def test_layer_sizes_are_positive_integers(field: str, size: Any):
    with pytest.raises(ConfigError, match=rf"MLPHeadConfig.{field} must be a positive integer, got {size!r}"):
        _head(**{field: (size,) if field == "hidden_layer_dims" else size})


def test_a_network_without_layers_is_refused():
    with pytest.raises(ConfigError, match="needs hidden_layer_dims, output_layer_dim or both"):
        _head(hidden_layer_dims=(), output_layer_dim=None)


@pytest.mark.parametrize("dims", [(), (3, 4)])
def test_input_rows_must_have_one_axis(dims: tuple[int, ...]):
    with pytest.raises(ConfigError, match="input_dims must have one axis") as caught:
        _head(input_dims=dims)
    assert str(dims) in str(caught.value)


def test_build_gives_a_network_of_the_backend_asked_for():
    config = MLPHeadConfig(input_dims=(4,), hidden_layer_dims=(8,), output_layer_dim=2)
    assert config.build("numpy")(np.zeros((3, 4), np.float32)).shape == (3, 2)
    with pytest.raises(BackendNotFoundError, match="No backend named 'nonsense'"):
        config.build("nonsense")


def test_a_config_type_may_register_a_network_of_its_own():
    class Odd(ModelConfig):
        def plan(self) -> Chain:
            raise NotImplementedError

    @build_network.register(Odd)
    def _(config: Odd, framework: str) -> Any:
        return f"an odd network for {framework}"

    assert Odd(input_dims=(4,)).build("numpy") == "an odd network for numpy"


def test_build_network_takes_configs_only():
    with pytest.raises(ConfigError, match=r"Expected a ModelConfig such as .*got \{\}"):
        build_network({}, "numpy")


def test_configs_are_values():
    one = MLPHeadConfig(input_dims=[4], hidden_layer_dims=[8])
    assert one == MLPHeadConfig(input_dims=(4,), hidden_layer_dims=(8,))
    assert hash(one) == hash(MLPHeadConfig(input_dims=(4,), hidden_layer_dims=(8,)))
