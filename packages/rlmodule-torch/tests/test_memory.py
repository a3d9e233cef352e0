from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from rlmodule_core import (
    ActorCriticEncoderConfig,
    AttentionEncoderConfig,
    Categorical,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModulePlans,
    Policy,
    RecurrentEncoderConfig,
    RLModuleConfig,
    get_backend,
)
from rlmodule_core.plans import GRU, LSTM, ActorCritic, Chain, Dense, Encoder, Recurrent
from rlmodule_torch import TorchActorCriticRLModule

BACKEND = get_backend("torch")
SIZES = st.integers(1, 6)
TOKENIZER = MLPEncoderConfig(input_dims=(3,), hidden_layer_dims=(5,))
MEMORIES = {
    "lstm": RecurrentEncoderConfig(tokenizer_config=TOKENIZER, hidden_dim=4, num_layers=2, use_layernorm=True),
    "gru": RecurrentEncoderConfig(tokenizer_config=TOKENIZER, hidden_dim=4, recurrent_layer_type="gru"),
    "attention": AttentionEncoderConfig(tokenizer_config=TOKENIZER, dim=4, num_heads=2, head_dim=3, memory=2),
}


def module_of(memory: str, *, shared: bool = False) -> TorchActorCriticRLModule:
    encoder = ActorCriticEncoderConfig(base_encoder_config=MEMORIES[memory], shared=shared).plan()
    heads = (MLPHeadConfig(input_dims=(4,), hidden_layer_dims=(), output_layer_dim=width).plan() for width in (3, 1))
    plans = ModulePlans(encoder, *heads, *([Categorical(3)] * 3))
    spaces = gym.spaces.Box(-1.0, 1.0, (3,)), gym.spaces.Discrete(3)
    return TorchActorCriticRLModule(RLModuleConfig(*spaces, {}, plans=plans))


def state_of(module: Any, rows: int) -> Any:
    def zeros(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: zeros(part) for key, part in tree.items()}
        return torch.zeros(rows, *tree.shape)

    return zeros(module.get_initial_state())


@given(inputs=SIZES, size=SIZES, rows=SIZES, steps=SIZES, bias=st.booleans())
def test_layers_are_those_of_torch(inputs: int, size: int, rows: int, steps: int, bias: bool):
    x, h, c = torch.randn(rows, steps, inputs), torch.randn(1, rows, size), torch.randn(1, rows, size)
    for record, native in (
        (LSTM(inputs, size, bias=bias), nn.LSTM(inputs, size, bias=bias, batch_first=True)),
        (GRU(inputs, size, bias=bias), nn.GRU(inputs, size, bias=bias, batch_first=True)),
    ):
        layer = BACKEND.lower(record)
        kernels = {"weight_ih": native.weight_ih_l0, "weight_hh": native.weight_hh_l0}
        if bias:
            both = torch.stack([native.bias_ih_l0, native.bias_hh_l0])
            kernels["bias"] = both.sum(0) if isinstance(record, LSTM) else both
        BACKEND.set_weights(layer, {name: weight.detach().numpy() for name, weight in kernels.items()})
        y, state = layer((x, {"h": h[0], "c": c[0]}))
        expected, after = native(x, (h, c) if isinstance(record, LSTM) else h)
        torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
        for leaf, wanted in zip(state, after if isinstance(record, LSTM) else [after], strict=True):
            torch.testing.assert_close(state[leaf], wanted[0], rtol=1e-4, atol=1e-5)


def test_torch_s_second_bias_is_no_parameter():
    assert {name for name, _ in BACKEND.lower(LSTM(2, 3)).named_parameters()} == {"weight_ih", "weight_hh", "bias"}


@pytest.mark.parametrize("memory", MEMORIES)
def test_every_weight_learns_from_a_sequence(memory: str):
    module = module_of(memory)
    outputs = module.forward_train({"obs": torch.randn(4, 5, 3), "state_in": state_of(module, 4)})
    (outputs["action_dist_inputs"].square().mean() + outputs["vf_preds"].square().mean()).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in module.parameters())


@pytest.mark.parametrize("memory", MEMORIES)
def test_a_compiled_module_computes_the_same(memory: str):
    module = module_of(memory, shared=True)
    compiled = copy.deepcopy(module)
    compiled.compile(backend="eager")
    for steps, forward in ((5, "forward_train"), (1, "forward_exploration")):
        batch = {"obs": torch.randn(4, steps, 3), "state_in": state_of(module, 4)}
        for _ in range(2):
            expected, found = (getattr(each, forward)(batch) for each in (module, compiled))
            torch.testing.assert_close(dict(found), dict(expected))


@pytest.mark.parametrize("forward", ["_forward_exploration", "_forward_inference"])
def test_a_forward_of_two_encoders_is_one_graph(forward: str):
    module = module_of("lstm")
    batch = {"obs": torch.randn(4, 1, 3), "state_in": state_of(module, 4)}
    compiled = torch.compile(getattr(module, forward), backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(batch), getattr(module, forward)(batch))


@pytest.mark.parametrize("memory", MEMORIES)
def test_numpy_serves_what_torch_learnt_for_as_long_as_an_episode_goes(memory: str):
    module = module_of(memory)
    obs = np.random.default_rng(0).uniform(-1, 1, size=(60, 4, 3)).astype(np.float32)
    sessions = [Policy(each).session(4) for each in (module, module.to_framework("numpy"))]
    for t in range(60):
        if t % 13 == 12:
            for session in sessions:
                session.reset(np.arange(4) == t % 4)
        ours, numpy = (session.act(obs[t]) for session in sessions)
        np.testing.assert_array_equal(ours, numpy)


def test_states_need_not_be_contiguous():
    net = BACKEND.lower(Recurrent(Encoder(Chain((Dense(3, 4),))), (LSTM(4, 4), LSTM(4, 4))))
    obs, state = torch.randn(5, 3, 3), torch.randn(2, 2, 4, 5)
    strided = {leaf: part.permute(2, 0, 1) for leaf, part in zip("hc", state.unbind(0), strict=True)}
    found = net({"obs": obs, "state_in": strided})
    contiguous = {leaf: part.contiguous() for leaf, part in strided.items()}
    assert not strided["h"].is_contiguous()
    torch.testing.assert_close(found, net({"obs": obs, "state_in": contiguous}))


def test_a_copy_of_a_module_that_remembers_is_its_own():
    module = module_of("lstm", shared=True)
    twin = copy.deepcopy(module)
    with torch.no_grad():
        next(twin.parameters()).add_(1.0)
    assert isinstance(module.backend.plan_of(twin.encoder), ActorCritic)
    batch = {"obs": torch.randn(2, 3, 3), "state_in": state_of(module, 2)}
    assert not torch.equal(module.forward_train(batch)["vf_preds"], twin.forward_train(batch)["vf_preds"])
