from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from rlmodule_core import (
    ActorCriticEncoderConfig,
    ConfigError,
    MLPEncoderConfig,
    MultiStreamEncoderConfig,
    NativeModelConfig,
    RecurrentEncoderConfig,
    SpecCheckingError,
    build_network,
)
from rlmodule_core.plans import ActorCritic, Concat, Dense, Native, walk_natives, weight_shapes

SETS = {"elements": np.arange(24, dtype=np.float32).reshape(2, 4, 3)}


@dataclass(frozen=True, kw_only=True)
class SetEncoderConfig(NativeModelConfig):
    """The sums over sets of vectors."""

    width: int

    @property
    def output_dims(self) -> tuple[int, ...]:
        return (self.width,)


@build_network.register
def _(config: SetEncoderConfig, framework: str) -> Any:
    config.require_framework(framework, "numpy")
    return lambda batch: {"encoder_out": batch["obs"]["elements"].sum(-2)}


@dataclass(frozen=True, kw_only=True)
class Unregistered(NativeModelConfig):
    @property
    def output_dims(self) -> tuple[int, ...]:
        return (1,)


@dataclass(frozen=True, kw_only=True)
class Doubling(MLPEncoderConfig):
    """Has a plan as well as a network of its own."""


@build_network.register
def _(config: Doubling, framework: str) -> Any:
    return lambda batch: {"encoder_out": 2.0 * batch["obs"]}


@dataclass(frozen=True, kw_only=True)
class Odd(NativeModelConfig):
    """Builds what it is given, right or wrong."""

    network: Any

    @property
    def output_dims(self) -> tuple[int, ...]:
        return (3,)


@build_network.register
def _(config: Odd, framework: str) -> Any:
    return config.network


def _sums(batch: Mapping[str, Any]) -> Any:
    return batch["elements"].sum(-2)


def test_it_builds_what_is_registered_for_its_type():
    config = SetEncoderConfig(width=3)
    np.testing.assert_array_equal(config.build("numpy")({"obs": SETS})["encoder_out"], _sums(SETS))
    assert (config.input_dims, config.output_dims) == ((), (3,))


@pytest.mark.parametrize(
    "tokenizer",
    [
        SetEncoderConfig(width=3),
        Doubling(input_dims=(3,), hidden_layer_dims=(3,)),
        MultiStreamEncoderConfig(base_encoder_configs={"set": SetEncoderConfig(width=3)}, hidden_layer_dims=(3,)),
    ],
    ids=lambda config: type(config).__name__,
)
def test_behind_a_memory_it_is_refused_because_it_takes_single_steps(tokenizer: Any):
    name = type(tokenizer).__name__
    with pytest.raises(ConfigError, match=rf"tokenizer_config must be described by a plan .*, got {name}, .*\[B, T, "):
        RecurrentEncoderConfig(tokenizer_config=tokenizer, hidden_dim=4).plan()


@pytest.mark.parametrize("shared", [True, False])
def test_actor_and_critic_may_be_native(shared: bool):
    config = ActorCriticEncoderConfig(base_encoder_config=SetEncoderConfig(width=3), shared=shared)
    network = config.build("numpy")
    out = network({"obs": SETS})["encoder_out"]
    np.testing.assert_array_equal(out["actor"], _sums(SETS))
    np.testing.assert_array_equal(out["critic"], _sums(SETS))
    assert config.output_dims == (3,)
    assert isinstance(network.plan, ActorCritic)
    assert [name for name, _ in walk_natives(network.plan)] == (["shared"] if shared else ["actor", "critic"])
    assert weight_shapes(network.plan) == {}


def test_the_actor_s_encoder_can_run_alone():
    network = ActorCriticEncoderConfig(base_encoder_config=SetEncoderConfig(width=3), shared=False).build("numpy")
    alone = network.run_child(network.plan.actor_key, {"obs": SETS})["encoder_out"]
    np.testing.assert_array_equal(alone, _sums(SETS))


def test_one_stream_among_others_may_be_native():
    streams = {"bag": SetEncoderConfig(width=3), "deep": {"point": MLPEncoderConfig(input_dims=(2,))}}
    config = MultiStreamEncoderConfig(
        base_encoder_configs=streams, hidden_layer_dims=(5,), hidden_layer_activation=None
    )
    fusion = config.plan().net
    assert fusion.net.records[:2] == (Concat(), Dense(3 + 256, 5))
    assert [name for name, _ in walk_natives(fusion)] == ["inputs.bag"]
    network = config.build("numpy")
    points = np.ones((2, 2), np.float32)
    out = network({"obs": {"bag": SETS, "deep": {"point": points}}})["encoder_out"]
    assert out.shape == (2, 5)
    moved = network({"obs": {"bag": {"elements": SETS["elements"] + 1}, "deep": {"point": points}}})["encoder_out"]
    assert not np.array_equal(out, moved)


def test_a_registered_network_comes_before_a_plan_wherever_it_stands():
    config = Doubling(input_dims=(4,), hidden_layer_dims=(4,))
    obs = np.ones((2, 4), np.float32)
    both = ActorCriticEncoderConfig(base_encoder_config=config).build("numpy")({"obs": obs})["encoder_out"]
    np.testing.assert_array_equal(both["actor"], 2.0 * obs)
    assert ActorCriticEncoderConfig(base_encoder_config=config).plan() == ActorCritic(shared=Native(config))


@pytest.mark.parametrize("inside", [False, True])
def test_a_framework_without_a_network_is_refused_by_name(inside: bool):
    config: Any = SetEncoderConfig(width=3)
    config = ActorCriticEncoderConfig(base_encoder_config=config) if inside else config
    pytest.importorskip("rlmodule_torch")
    with pytest.raises(ConfigError, match=r"SetEncoderConfig.*for numpy only, not for 'torch'\. Use framework='numpy'"):
        config.build("torch")


@pytest.mark.parametrize("inside", [False, True])
def test_a_config_that_nothing_is_registered_for_says_how_to(inside: bool):
    config: Any = Unregistered()
    config = ActorCriticEncoderConfig(base_encoder_config=config) if inside else config
    expected = r"No network is registered for Unregistered.*'numpy'.*\(config: Unregistered, .*@build_network\.register"
    with pytest.raises(ConfigError, match=expected):
        config.build("numpy")


def test_its_output_dims_must_be_said():
    with pytest.raises(TypeError, match="output_dims"):
        NativeModelConfig()


@pytest.mark.parametrize("network", [None, dict, np.zeros(3)])
def test_a_registered_function_that_returns_no_network_is_named(network: Any):
    config = ActorCriticEncoderConfig(base_encoder_config=Odd(network=network))
    with pytest.raises(ConfigError, match=r"build_network for Odd must return a network, got .*such as Odd\(config\)"):
        config.build("numpy")


ODD = [
    (lambda batch: np.zeros((2, 3)), "got ndarray"),
    (lambda batch: {"latents": np.zeros((2, 3))}, r"got {'latents': \(2, 3\)}"),
    (lambda batch: {"encoder_out": None}, r"got {'encoder_out': \(\)}"),
    (lambda batch: {"encoder_out": np.zeros((2, 4))}, r"got {'encoder_out': \(2, 4\)}"),
    (lambda batch: {"encoder_out": np.zeros(3)}, r"got {'encoder_out': \(3,\)}"),
]


@pytest.mark.parametrize("kind", ["shared", "own", "stream"])
@pytest.mark.parametrize(("network", "found"), ODD)
def test_a_network_that_does_not_give_what_its_config_says_is_named(network: Any, found: str, kind: str):
    odd: Any = Odd(network=network)
    if kind == "stream":
        config: Any = MultiStreamEncoderConfig(base_encoder_configs={"bag": odd})
    else:
        config = ActorCriticEncoderConfig(base_encoder_config=odd, shared=kind == "shared")
    obs = {"bag": SETS} if kind == "stream" else SETS
    with pytest.raises(SpecCheckingError, match=rf"of Odd must give {{'encoder_out': \[B, 3\]}}.*{found}"):
        config.build("numpy")({"obs": obs})


@pytest.mark.parametrize("base", ["MLP", MLPEncoderConfig, None])
def test_what_is_no_config_is_refused_by_an_actor_critic_encoder(base: Any):
    with pytest.raises(ConfigError, match=r"base_encoder_config must be an encoder's config such as MLPEncoderConfig"):
        ActorCriticEncoderConfig(base_encoder_config=base)
