"""The numpy backend is the oracle: torch must compute what it computes, for any plan and any weights."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_core import (
    ActorCriticEncoderConfig,
    Bernoulli,
    Categorical,
    Descriptor,
    DiagGaussian,
    FreeLogStdMLPHeadConfig,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModulePlans,
    MultiCategorical,
    MultiDistribution,
    RLModuleConfig,
    SquashedGaussian,
    distribution_for,
    get_backend,
)
from rlmodule_core.numpy_backend import Container, NumpyActorCriticRLModule
from rlmodule_core.numpy_backend.layers import Layer
from rlmodule_core.plans import OneHot, Weights
from rlmodule_core.plans.records import ACTIVATIONS

_NUMPY, _TORCH = get_backend("numpy"), get_backend("torch")
_SEEDS = st.integers(0, 2**32)
_SETTINGS = settings(max_examples=60)


def _assert_agree(actual: Any, expected: Any) -> None:
    expected = np.asarray(expected)
    actual = actual.detach().numpy()
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())


def _random_weights(shapes: Weights, rng: np.random.Generator) -> Weights:
    # Normal ones: constants would hide a transposed weight or a swapped order.
    return {name: rng.normal(size=array.shape).astype(np.float32) for name, array in shapes.items()}


@st.composite
def _mlp_fields(draw: st.DrawFn) -> dict[str, Any]:
    activations = st.sampled_from([*ACTIVATIONS, "swish", "linear", None])
    return {
        "hidden_layer_dims": draw(st.lists(st.integers(1, 12), min_size=1, max_size=3)),
        "hidden_layer_activation": draw(activations),
        "hidden_layer_use_bias": draw(st.booleans()),
        "hidden_layer_use_layernorm": draw(st.booleans()),
        "output_layer_activation": draw(activations),
        "output_layer_use_bias": draw(st.booleans()),
    }


@st.composite
def _observation_spaces(draw: st.DrawFn) -> gym.Space[Any]:
    if draw(st.booleans()):
        return gym.spaces.Discrete(draw(st.integers(1, 6)), start=draw(st.integers(-3, 3)))
    dtype = draw(st.sampled_from([np.float32, np.float64, np.int32, np.uint8]))
    return gym.spaces.Box(0, 50, (draw(st.integers(1, 6)),), dtype)


@st.composite
def _action_spaces(draw: st.DrawFn) -> gym.Space[Any]:
    if draw(st.booleans()):
        return gym.spaces.Discrete(draw(st.integers(1, 6)), start=draw(st.integers(-3, 3)))
    return gym.spaces.Box(-2.0, 3.0, (draw(st.integers(1, 4)),))


@st.composite
def _module_configs(draw: st.DrawFn) -> RLModuleConfig:
    observations, actions = draw(_observation_spaces()), draw(_action_spaces())
    descriptor = distribution_for(actions)
    one_hot = OneHot(int(observations.n), int(observations.start)) if observations.shape == () else None
    base = MLPEncoderConfig(input_dims=observations.shape, one_hot=one_hot, cast=one_hot is None, **draw(_mlp_fields()))
    encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=draw(st.booleans()))
    free = isinstance(descriptor, DiagGaussian) and draw(st.booleans())
    pi_class = FreeLogStdMLPHeadConfig if free else MLPHeadConfig
    pi = pi_class(input_dims=encoder.output_dims, output_layer_dim=descriptor.input_dim, **draw(_mlp_fields()))
    vf = MLPHeadConfig(input_dims=encoder.output_dims, output_layer_dim=1, **draw(_mlp_fields()))
    plans = ModulePlans(encoder.plan(), pi.plan(), vf.plan(), *([descriptor] * 3))
    return RLModuleConfig(observations, actions, {}, plans=plans)


@given(_module_configs(), _SEEDS)
@_SETTINGS
def test_modules_compute_the_same(config: RLModuleConfig, seed: int):
    rng = np.random.default_rng(seed)
    oracle = NumpyActorCriticRLModule(config)
    oracle.set_state(_random_weights(oracle.get_state(), rng))
    twin = oracle.to_framework("torch")
    config.observation_space.seed(seed % 2**31)
    obs = np.stack([config.observation_space.sample() for _ in range(5)])
    batches = {backend: {"obs": backend.batch(config.observation_space, obs)} for backend in (_NUMPY, _TORCH)}
    expected = oracle.forward_train(batches[_NUMPY])
    for key, value in twin.forward_train(batches[_TORCH]).items():
        _assert_agree(value, expected[key])
    for phase in ("exploration", "inference"):
        acted = getattr(twin, f"forward_{phase}")(batches[_TORCH])["action_dist_inputs"]
        _assert_agree(acted, getattr(oracle, f"forward_{phase}")(batches[_NUMPY])["action_dist_inputs"])


@given(_module_configs(), _SEEDS)
@settings(max_examples=20)
def test_weights_go_there_and_back_unchanged(config: RLModuleConfig, seed: int):
    oracle = NumpyActorCriticRLModule(config)
    weights = _random_weights(oracle.get_state(), np.random.default_rng(seed))
    oracle.set_state(weights)
    twin = oracle.to_framework("torch")
    back = twin.to_framework("numpy").get_state()
    assert list(back) == list(twin.get_state()) == list(weights)
    for name, array in weights.items():
        assert back[name].tobytes() == array.tobytes()


_SHAPES = st.one_of(st.integers(1, 5), st.lists(st.integers(1, 3), max_size=3).map(tuple))
_BOUNDS = st.lists(st.tuples(st.floats(-9, -1), st.floats(0, 9)), min_size=1, max_size=3)
_PARTS = st.one_of(
    st.builds(Categorical, st.integers(1, 8), st.integers(-3, 3)),
    st.builds(DiagGaussian, _SHAPES),
    st.builds(Bernoulli, _SHAPES),
    st.builds(MultiCategorical, st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)),
    st.builds(lambda bounds: SquashedGaussian(*zip(*bounds, strict=True)), _BOUNDS),
)
_DESCRIPTORS = st.one_of(_PARTS, st.builds(MultiDistribution.of, st.lists(_PARTS, min_size=1, max_size=3)))


def _assert_trees_agree(actual: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for key, part in expected.items():
            _assert_trees_agree(actual[key], part)
    else:
        _assert_agree(actual, expected)


@given(_DESCRIPTORS, _SEEDS, st.sampled_from([0.1, 1.0, 5.0]))
@_SETTINGS
def test_distributions_compute_the_same(descriptor: Descriptor, seed: int, spread: float):
    rng = np.random.default_rng(seed)
    one, other = (rng.normal(scale=spread, size=(7, descriptor.input_dim)).astype(np.float32) for _ in range(2))
    oracle, oracle_other = (descriptor.bind(_NUMPY.ops).from_logits(logits) for logits in (one, other))
    cls = descriptor.bind(_TORCH.ops)
    dist, dist_other = (cls.from_logits(torch.from_numpy(logits)) for logits in (one, other))
    actions = oracle.sample(rng=_NUMPY.rng(seed))
    _assert_agree(dist.logp(_TORCH.batch(None, actions)), oracle.logp(actions))
    _assert_agree(dist.entropy(), oracle.entropy())
    _assert_agree(dist.kl(dist_other), oracle.kl(oracle_other))
    _assert_trees_agree(dist.to_deterministic().sample(), oracle.to_deterministic().sample())


def _in_float64(network: Any) -> Any:
    if isinstance(network, Layer):
        return Layer(network.plan, {leaf: array.astype(np.float64) for leaf, array in network.weights.items()})
    return Container(network.plan, {key: _in_float64(child) for key, child in network.children.items()})


def _central_difference(function: Any, array: np.ndarray, step: float = 1e-6) -> np.ndarray:
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + step
        above = function()
        array[index] = kept - step
        gradient[index] = (above - function()) / (2 * step)
        array[index] = kept
    return gradient


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("layernorm", [True, False])
@pytest.mark.parametrize("head", [MLPHeadConfig, FreeLogStdMLPHeadConfig])
def test_gradients_are_those_of_central_differences(activation: str, layernorm: bool, head: Any):
    rng = np.random.default_rng(5)
    plan = head(
        input_dims=(3,),
        hidden_layer_dims=(5, 4),
        hidden_layer_activation=activation,
        hidden_layer_use_layernorm=layernorm,
        output_layer_dim=4,
    ).plan()
    oracle = _NUMPY.lower(plan)
    weights = _random_weights(_NUMPY.get_weights(oracle), rng)
    _NUMPY.set_weights(oracle, weights)
    oracle = _in_float64(oracle)
    network = _TORCH.lower(plan)
    _TORCH.set_weights(network, weights)
    network = network.double()
    x, mixture = rng.normal(size=(6, 3)), rng.normal(size=(6, 4))

    def scalar() -> float:
        return float((np.square(oracle(x)) * mixture).sum())

    total = (network(torch.from_numpy(x)).square() * torch.from_numpy(mixture)).sum()
    assert total.item() == pytest.approx(scalar(), rel=1e-6)
    total.backward()
    for key, layer in oracle.children.items():
        for leaf, array in layer.weights.items():
            expected = _central_difference(scalar, array)
            _assert_agree(getattr(network.by_key[key], leaf).grad, expected)
