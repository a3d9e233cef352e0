"""What `module.summary()` and `repr(module)` tell, held to what the module really is and does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_core import (
    ActorCriticEncoderConfig,
    Categorical,
    DiagGaussian,
    FreeLogStdMLPHeadConfig,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModulePlans,
    RLModuleConfig,
    TensorSpec,
)
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule, NumpyRLModule
from rlmodule_core.numpy_backend.layers import make_layer
from rlmodule_core.plans import (
    ActorCritic,
    Branches,
    Cast,
    Chain,
    Concat,
    Conv2D,
    Dense,
    Encoder,
    Flatten,
    Fusion,
    OneHot,
    PlainContainer,
    Plan,
    initialising,
    lower_plan,
)
from rlmodule_core.summary import summarise
from rlmodule_core.summary.specs import forward_summary

BOX = gym.spaces.Box(-1.0, 1.0, (4,))
SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple)

Shapes = list[tuple[tuple[int, ...], tuple[int, ...]]]


@st.composite
def encoder_configs(draw: st.DrawFn) -> tuple[gym.Space[Any], MLPEncoderConfig]:
    """An MLP over a vector or an integer, with the space that it encodes."""
    common: dict[str, Any] = {
        "hidden_layer_dims": draw(SIZES),
        "hidden_layer_use_bias": draw(st.booleans()),
        "hidden_layer_use_layernorm": draw(st.booleans()),
        "hidden_layer_activation": draw(st.sampled_from([None, "relu", "tanh"])),
    }
    if draw(st.booleans()):
        size = draw(st.integers(2, 6))
        return gym.spaces.Discrete(size), MLPEncoderConfig(input_dims=(), one_hot=OneHot(size), **common)
    width = draw(st.integers(1, 6))
    return gym.spaces.Box(-1.0, 1.0, (width,)), MLPEncoderConfig(
        input_dims=(width,), cast=draw(st.booleans()), **common
    )


@st.composite
def modules(draw: st.DrawFn) -> NumpyActorCriticRLModule:
    """A standard module: any MLP, shared or not, over one of the two kinds of actions."""
    space, base = draw(encoder_configs())
    encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=draw(st.booleans())).plan()
    head: dict[str, Any] = {"input_dims": base.plan().output_dims(base.input_dims), "hidden_layer_dims": draw(SIZES)}
    vf = MLPHeadConfig(output_layer_dim=1, **head).plan()
    if draw(st.booleans()):
        n = draw(st.integers(2, 5))
        pi, dist, actions = MLPHeadConfig(output_layer_dim=n, **head).plan(), Categorical(n), gym.spaces.Discrete(n)
        return _built(space, actions, ModulePlans(encoder, pi, vf, dist, dist, dist))
    d = draw(st.integers(1, 3))
    gauss, box = DiagGaussian(d), gym.spaces.Box(-2.0, 2.0, (d,))
    pi = FreeLogStdMLPHeadConfig(output_layer_dim=2 * d, **head).plan()
    return _built(space, box, ModulePlans(encoder, pi, vf, gauss, gauss, gauss))


def _built(space: gym.Space[Any], actions: gym.Space[Any], plans: ModulePlans) -> NumpyActorCriticRLModule:
    with initialising(0):
        return NumpyActorCriticRLModule(RLModuleConfig(space, actions, {}, plans=plans))


def run_layers(plan: Plan, inputs: Any) -> tuple[Any, Shapes]:
    """The output of a plan that runs in numpy, and the shapes of the rows through each of its layers."""
    shapes: Shapes = []

    def recording(record: Any, weights: Any) -> Callable[[Any], Any]:
        layer, index = make_layer(record, weights), len(shapes)
        shapes.append(((), ()))

        def run(x: Any) -> Any:
            y = layer(x)
            # Concat takes a list of arrays.
            shapes[index] = (() if isinstance(x, list) else x.shape[1:], y.shape[1:])
            return y

        return run

    return lower_plan(plan, recording, PlainContainer, framework="numpy")(inputs), shapes


class Own(NumpyRLModule):
    """A module of the user's own, which carries a state."""

    def setup(self) -> None:
        self.net = {"matrix": np.zeros((4, 2), np.float32), "offset": np.zeros(2)}

    def get_initial_state(self) -> Mapping[str, Any]:
        return {"memory": {"h": np.zeros(3, np.float32)}}

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": batch["obs"] @ self.net["matrix"]}

    _forward_exploration = _forward_inference = _forward_train

    def input_specs_train(self) -> Any:
        return {"obs": TensorSpec("b, t, d", d=4), ("state_in", "memory", "h"): np.ndarray}

    def output_specs_train(self) -> Any:
        return None


def lines(module: Any) -> list[list[str]]:
    return [line.split() for line in module.summary().splitlines()]


@settings(max_examples=60, deadline=None)
@given(modules())
def test_the_numbers_of_the_layers_are_those_of_the_state(module: NumpyActorCriticRLModule) -> None:
    state, told = module.get_state(), summarise(module)
    total = sum(array.size for array in state.values())
    assert sum(layer.numbers for layer in told.layers) == total
    assert sum(weight.numbers for weight in told.weights.values()) == total
    size = sum(array.nbytes for array in state.values())
    assert sum(weight.size for weight in told.weights.values()) == size
    assert f" {total:,} numbers in {len(state)} arrays, " in module.summary()
    for layer in told.layers:
        own = [array.size for name, array in state.items() if name.startswith(".".join((*layer.path, "")))]
        assert layer.numbers == sum(own)


@settings(max_examples=60, deadline=None)
@given(modules())
def test_the_shapes_of_the_layers_are_those_of_a_run(module: NumpyActorCriticRLModule) -> None:
    config, plans = module.config, module.frozen_plans()
    assert config is not None
    assert config.observation_space is not None
    obs = np.stack([config.observation_space.sample() for _ in range(5)])
    out, encoder = run_layers(plans.encoder, {"obs": obs})
    latents = out["encoder_out"]
    heads = run_layers(plans.pi, latents["actor"])[1] + run_layers(plans.vf, latents["critic"])[1]
    told = summarise(module).layers
    assert [(layer.input_dims, layer.output_dims) for layer in told] == encoder + heads


def test_the_shapes_of_nested_observations_are_those_of_a_run() -> None:
    inner = Branches.of({"0": (Chain((OneHot(3),)), ()), "1": (Chain((Dense(4, 5), Dense(5, 2))), (4,))})
    branches = Branches.of({"a.b": (Chain((Dense(6, 7),)), (6,)), "pair": (inner, ())})
    encoder = ActorCritic(shared=Encoder(Fusion(branches, Chain((Concat(), Dense(12, 8))))))
    pair = gym.spaces.Tuple((gym.spaces.Discrete(3), BOX))
    space = gym.spaces.Dict({"a.b": gym.spaces.Box(-1.0, 1.0, (6,)), "pair": pair})
    dist = Categorical(3)
    plans = ModulePlans(encoder, Chain((Dense(8, 3),)), Chain((Dense(8, 1),)), dist, dist, dist)
    module = _built(space, gym.spaces.Discrete(3), plans)
    obs = {"a.b": np.zeros((5, 6)), "pair": {"0": np.zeros(5, np.int64), "1": np.zeros((5, 4))}}
    told = [layer for layer in summarise(module).layers if layer.path[0] == "encoder"]
    seen = run_layers(encoder, {"obs": obs})[1]
    assert [(layer.input_dims, layer.output_dims) for layer in told if layer.layer != "Concat()"] == [
        shapes for layer, shapes in zip(told, seen, strict=True) if layer.layer != "Concat()"
    ]
    assert sum(layer.numbers for layer in summarise(module).layers) == sum(x.size for x in module.get_state().values())
    text = module.summary()
    assert "\nencoder.shared.inputs.a%2Eb\n" in text
    assert "\nencoder.shared.inputs.pair.1\n" in text
    assert ["0", "Concat()", "[B,", "12]", "[B,", "12]"] in lines(module)


@settings(max_examples=60, deadline=None)
@given(modules())
def test_no_line_is_wider_than_80_columns_or_ends_in_a_blank(module: NumpyActorCriticRLModule) -> None:
    for line in module.summary().splitlines():
        assert len(line) <= 80, line
        assert line == line.rstrip()


def test_a_layer_with_a_long_name_has_a_line_of_its_own() -> None:
    convolution = Conv2D(3, 16, (8, 8), stride=(4, 4), padding=(2, 2, 2, 2))
    encoder = ActorCritic(shared=Encoder(Chain((convolution, Flatten(3), Dense(21 * 21 * 16, 8)))))
    dist = Categorical(3)
    plans = ModulePlans(encoder, Chain((Dense(8, 3),)), Chain((Dense(8, 1),)), dist, dist, dist)
    module = _built(gym.spaces.Box(-1.0, 1.0, (84, 84, 3)), gym.spaces.Discrete(3), plans)
    told = module.summary().splitlines()
    assert max(map(len, told)) <= 80
    at = told.index(f"  0  {convolution!r}")
    assert told[at + 1].split() == ["[B,", "84,", "84,", "3]", "[B,", "21,", "21,", "16]", "3,088"]
    assert told[at + 2].startswith("  1  Flatten(3)  ")
    (header,) = [line for line in told if line.startswith("network")]
    assert len(header) == len(told[at + 1])


def test_a_standard_module_is_told_whole() -> None:
    base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,), hidden_layer_activation="tanh")
    encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=False).plan()
    pi, vf = Chain((Dense(8, 3, gain=0.01),)), Chain((Dense(8, 1),))
    greedy = Categorical(3, 2)
    space = gym.spaces.Discrete(3, start=2)
    module = _built(BOX, space, ModulePlans(encoder, pi, vf, greedy, greedy, greedy))
    assert module.summary() == _EXPECTED
    assert repr(module) == "NumpyActorCriticRLModule(numpy, Box(-1.0, 1.0, (4,), float32) -> Discrete(3, start=2))"


_EXPECTED = """\
class         standard (actor-critic)
framework     numpy, runs on every backend
observations  Box(-1.0, 1.0, (4,), float32)
actions       Discrete(3, start=2)
distribution  Categorical(n=3, start=2)
state         none
weights       116 numbers in 8 arrays, 464 B, all trainable

network                      input   output  numbers
encoder.actor
  0  Dense(4, 8)             [B, 4]  [B, 8]       40
  1  Activation('tanh')      [B, 8]  [B, 8]
encoder.critic
  0  Dense(4, 8)             [B, 4]  [B, 8]       40
  1  Activation('tanh')      [B, 8]  [B, 8]
pi
  0  Dense(8, 3, gain=0.01)  [B, 8]  [B, 3]       27
vf
  0  Dense(8, 1)             [B, 8]  [B, 1]        9

forward train
  takes       obs [b, 4] float32
  returns     action_dist_inputs [b, 3], vf_preds [b]
forward exploration, inference
  takes       obs [b, 4] float32
  returns     actions or action_dist_inputs or action_dist"""


def test_a_module_of_the_user_s_own_tells_its_arrays_and_its_state() -> None:
    told = lines(Own(RLModuleConfig(BOX, gym.spaces.Discrete(2))))
    for expected in (
        f"class {__name__}:Own",
        "framework numpy alone: its class Own, whose layers are its own",
        "state memory.h [3] float32",
        "weights 10 numbers in 2 arrays, 48 B, all trainable",
        "net.matrix [4, 2] float32 8",
        "net.offset [2] float64 2",
        "takes obs [b, t, 4], state_in.memory.h ndarray",
        "returns anything",
    ):
        assert expected.split() in told, expected


def test_a_module_without_spaces_is_told_without_them() -> None:
    labels = {line[0] for line in lines(Own()) if line}
    assert "weights" in labels
    assert not labels & {"observations", "actions", "distribution"}
    assert repr(Own()) == "Own(numpy)"


def test_a_module_is_printed_in_one_line_before_its_constructor_has_run() -> None:
    class Early(Own):
        def setup(self) -> None:
            self.name_in_setup = repr(self)
            super().setup()

    assert repr(Early.__new__(Early)) == "Early(numpy)"
    assert Early(RLModuleConfig(BOX)).name_in_setup == "Early(numpy, Box(-1.0, 1.0, (4,), float32) -> None)"


def test_nested_spaces_are_told_leaf_by_leaf_and_in_short_by_their_keys() -> None:
    inner = gym.spaces.Tuple((gym.spaces.Discrete(3), BOX))
    space = gym.spaces.Dict({"camera": gym.spaces.Box(0, 255, (8, 8, 3), np.uint8), "rest": inner})
    module = Own(RLModuleConfig(space, gym.spaces.Discrete(2)))
    told = lines(module)
    assert ["observations", "camera", "Box(0,", "255,", "(8,", "8,", "3),", "uint8)"] in told
    assert ["rest.0", "Discrete(3)"] in told
    assert ["rest.1", "Box(-1.0,", "1.0,", "(4,),", "float32)"] in told
    assert repr(module) == "Own(numpy, Dict(camera, rest) -> Discrete(2))"


def test_keys_that_look_alike_or_cannot_be_printed_are_told_apart_as_in_the_names_of_weights() -> None:
    odd = gym.spaces.Dict({"a": gym.spaces.Dict({"b": BOX}), "a.b": BOX, "%": BOX, "two\nlines\ud800": BOX})
    module = Own(RLModuleConfig(odd, odd))
    for spaces in (summarise(module).observations, summarise(module).actions):
        assert set(spaces) == {"a.b", "a%2Eb", "%25", "two\\nlines\\ud800"}
    short = "Dict(%25, a, a%2Eb, two\\nlines\\ud800)"
    assert repr(module) == f"Own(numpy, {short} -> {short})"
    assert forward_summary({"obs": {"a": {"b": None}, "a.b": None}}, []).takes == ("obs.a.b", "obs.a%2Eb")


def test_keys_that_are_no_texts_are_told_too() -> None:
    module = Own(RLModuleConfig(gym.spaces.Dict({3: BOX}), gym.spaces.Discrete(2)))
    assert repr(module) == "Own(numpy, Dict(3) -> Discrete(2))"
    assert list(summarise(module).observations) == ["3"]


def test_a_long_space_keeps_its_shape_and_stays_in_its_line() -> None:
    bounds = np.arange(40, dtype=np.float32)
    module = Own(RLModuleConfig(gym.spaces.Box(-bounds, bounds), gym.spaces.Discrete(2)))
    (line,) = [line for line in module.summary().splitlines() if line.startswith("observations")]
    assert len(line) <= 80
    assert " ... " in line
    assert line.endswith("(40,), float32)")
    assert repr(module) == "Own(numpy, Box(40,) -> Discrete(2))"


def test_networks_that_do_not_fit_the_space_are_told_without_shapes() -> None:
    base = MLPEncoderConfig(input_dims=(5,), hidden_layer_dims=(8,))
    encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=True).plan()
    head, dist = Chain((Cast(), Dense(8, 1))), Categorical(1)
    module = _built(BOX, gym.spaces.Discrete(1), ModulePlans(encoder, head, head, dist, dist, dist))
    told = summarise(module).layers
    assert {(layer.input_dims, layer.output_dims) for layer in told} == {(None, None)}
    assert ["0", "Dense(5,", "8)", "48"] in lines(module)


@pytest.mark.parametrize("phase", ["train", "exploration", "inference"])
def test_distributions_that_differ_are_told_by_phase(phase: str) -> None:
    other = Categorical(3, 7)
    dists = {name: Categorical(3, 2) for name in ("train", "exploration", "inference")} | {phase: other}
    base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,))
    encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=True).plan()
    plans = ModulePlans(encoder, Chain((Dense(8, 3),)), Chain((Dense(8, 1),)), **dists)
    told = lines(_built(BOX, gym.spaces.Discrete(3, start=2), plans))
    start = next(index for index, line in enumerate(told) if line[:1] == ["distribution"])
    shown = {line[-3]: line[-1] for line in told[start : start + 3]}
    assert shown == {name: "start=7)" if name == phase else "start=2)" for name in dists}
