"""Every network that a config describes, and modules of any shape: numpy is the oracle of all frameworks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from comparing import require_gradient, require_outputs_agree
from hypothesis import given, settings
from hypothesis import strategies as st
from native_gradients import loss_and_gradients
from parity_families import BOTH, EACH_FAMILY, FRAMEWORKS, OTHERS, TRAINING, Family
from ppo_batches import inputs_of

from rlmodule_core import (
    ActorCriticEncoderConfig,
    DiagGaussian,
    FreeLogStdMLPHeadConfig,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModelConfig,
    ModulePlans,
    RecurrentEncoderConfig,
    RLModuleConfig,
    distribution_for,
    get_backend,
)
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule
from rlmodule_core.plans import ACTIVATIONS, Chain, OneHot
from rlmodule_core.testing.central_differences import quadratic_loss, random_mixture
from rlmodule_core.testing.compare import leaves, require_close, require_equal, require_same_arrays
from rlmodule_core.testing.model_suite import brief, standard_configs
from rlmodule_core.testing.network_inputs import network_inputs
from rlmodule_core.testing.network_module import network_module
from rlmodule_core.testing.random_weights import random_like

_EACH_CONFIG = pytest.mark.parametrize("config", standard_configs(), ids=lambda config: type(config).__name__)
_SEEDS = st.integers(0, 2**32)


def _networks(config: ModelConfig, frameworks: list[str]) -> list[Any]:
    """A module around the network in each framework, with the same weights."""
    modules = [network_module(get_backend(framework), config.plan()) for framework in frameworks]
    for module in modules:
        module.set_state(random_like(modules[0].get_state(), 1))
    return modules


def _columns(config: ModelConfig, leading: tuple[int, ...]) -> Mapping[str, Any]:
    inputs = network_inputs(config, leading)
    return {"obs": inputs} if isinstance(config.plan(), Chain) else inputs


@_EACH_CONFIG
def test_networks_compute_the_same(config: ModelConfig) -> None:
    oracle, *others = _networks(config, ["numpy", *OTHERS])
    for leading in ((6,), (2, 3)):
        columns = _columns(config, leading)
        expected = dict(leaves(oracle.forward_train(columns)))
        for module in others:
            found = dict(leaves(module.backend.to_numpy(module.forward_train(module.backend.batch(None, columns)))))
            require_equal(found.keys(), expected.keys(), "the outputs")
            for path, array in expected.items():
                require_close(found[path], array, f"{path} of {brief(config)} in {module.framework}")


@BOTH
@_EACH_CONFIG
def test_gradients_of_networks_are_the_same(config: ModelConfig) -> None:
    _require_same_gradients(config, (6,))


@BOTH
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_gradients_through_long_sequences_are_the_same(kind: str) -> None:
    config = RecurrentEncoderConfig(input_dims=(4,), hidden_dim=4, recurrent_layer_type=kind)
    # Longer than what is written out step by step.
    _require_same_gradients(config, (3, 70))


def _require_same_gradients(config: ModelConfig, leading: tuple[int, ...]) -> None:
    trusted, other = _networks(config, TRAINING)
    columns = _columns(config, leading)
    outputs = trusted.backend.to_numpy(trusted.forward_train(trusted.backend.batch(None, columns)))
    given = {**columns, "mixture": random_mixture(dict(leaves(outputs)))}
    (_, expected), (_, found) = (loss_and_gradients(module, quadratic_loss, given, {}) for module in (trusted, other))
    require_equal(sorted(found), sorted(expected), "the trained weights")
    for name, gradient in expected.items():
        require_gradient(found[name], gradient, f"the gradient of {name!r} of {brief(config)}")


@EACH_FAMILY
def test_modules_of_every_family_compute_the_same_in_every_forward(family: Family) -> None:
    modules = [family.module(framework) for framework in ("numpy", *OTHERS)]
    require_outputs_agree(modules, inputs_of(modules[0], rows=6))


@EACH_FAMILY
def test_one_seed_draws_the_same_first_weights_in_every_framework(family: Family) -> None:
    drawn = []
    for framework in ("numpy", *OTHERS):
        with get_backend(framework).initialising(5):
            drawn.append(family.fresh_module(framework).get_state())
    for framework, weights in zip(OTHERS, drawn[1:], strict=True):
        require_same_arrays(weights, drawn[0], f"first weights in {framework}")


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
@settings(max_examples=25)
def test_modules_of_any_layers_compute_the_same(config: RLModuleConfig, seed: int) -> None:
    oracle = NumpyActorCriticRLModule(config)
    oracle.set_state(random_like(oracle.get_state(), seed))
    config.observation_space.seed(seed % 2**31)
    obs = np.stack([config.observation_space.sample() for _ in range(5)])
    columns = {"obs": oracle.backend.batch(config.observation_space, obs)}
    require_outputs_agree([oracle, *map(oracle.to_framework, OTHERS)], columns)


@given(_module_configs(), _SEEDS)
@settings(max_examples=15)
def test_weights_go_there_and_back_unchanged(config: RLModuleConfig, seed: int) -> None:
    oracle = NumpyActorCriticRLModule(config)
    weights = random_like(oracle.get_state(), seed)
    oracle.set_state(weights)
    twin = oracle
    for framework in (*OTHERS, *FRAMEWORKS[::-1]):
        twin = twin.to_framework(framework)
        back = twin.get_state()
        assert list(back) == list(weights)
        for name, array in weights.items():
            assert back[name].tobytes() == array.tobytes()
