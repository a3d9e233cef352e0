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


def _sums(batch: Mapping[str, Any]) -> Any:
    return batch["elements"].sum(-2)


def test_it_builds_what_is_registered_for_its_type():
    config = SetEncoderConfig(width=3)
    np.testing.assert_array_equal(config.build("numpy")({"obs": SETS})["encoder_out"], _sums(SETS))
    assert (config.input_dims, config.output_dims) == ((), (3,))


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
