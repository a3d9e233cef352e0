from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import keras
import numpy as np
import pytest
import tensorflow as tf

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
from rlmodule_core.plans import GRU, LSTM
from rlmodule_tf import TfActorCriticRLModule

BACKEND = get_backend("tf2")
TOKENIZER = MLPEncoderConfig(input_dims=(3,), hidden_layer_dims=(5,))
MEMORIES: dict[str, Any] = {
    "lstm": RecurrentEncoderConfig(tokenizer_config=TOKENIZER, hidden_dim=4, num_layers=2, use_layernorm=True),
    "gru": RecurrentEncoderConfig(tokenizer_config=TOKENIZER, hidden_dim=4, recurrent_layer_type="gru"),
    "attention": AttentionEncoderConfig(tokenizer_config=TOKENIZER, dim=4, num_heads=2, head_dim=3, memory=2),
}
UNROLLED = 64
"""The longest sequence whose steps are written out in a graph."""


def module_of(memory: str, *, shared: bool = False) -> TfActorCriticRLModule:
    encoder = ActorCriticEncoderConfig(base_encoder_config=MEMORIES[memory], shared=shared).plan()
    heads = (MLPHeadConfig(input_dims=(4,), hidden_layer_dims=(), output_layer_dim=width).plan() for width in (3, 1))
    plans = ModulePlans(encoder, *heads, *([Categorical(3)] * 3))
    spaces = gym.spaces.Box(-1.0, 1.0, (3,)), gym.spaces.Discrete(3)
    return TfActorCriticRLModule(RLModuleConfig(*spaces, {}, plans=plans))


def batch_of(module: Any, rows: int, steps: int) -> dict[str, Any]:
    def begun(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: begun(part) for key, part in tree.items()}
        return tf.fill((rows, *tree.shape), 0.5)

    obs = np.random.default_rng(0).normal(size=(rows, steps, 3)).astype(np.float32)
    return {"obs": tf.constant(obs), "state_in": begun(module.get_initial_state())}


def keras_layer(record: Any, weights: Any) -> Any:
    """The layer of Keras with these weights, whose gates come in another order and whose kernels are transposed."""
    cell, gates = (keras.layers.GRU, [1, 0, 2]) if isinstance(record, GRU) else (keras.layers.LSTM, [0, 1, 2, 3])
    layer = cell(record.size, use_bias=record.bias, return_sequences=True, return_state=True)
    layer.build((None, None, record.inputs))

    def ordered(rows: Any) -> Any:
        return np.concatenate([np.split(rows, len(gates), axis=-1)[gate] for gate in gates], axis=-1)

    kernels = [weights["weight_ih"].T, weights["weight_hh"].T]
    layer.set_weights([ordered(rows) for rows in ([*kernels, weights["bias"]] if record.bias else kernels)])
    return layer


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("of", [LSTM, GRU])
@pytest.mark.parametrize(("inputs", "size", "rows", "steps"), [(3, 4, 2, 5), (1, 1, 1, 1), (2, 6, 3, UNROLLED + 2)])
def test_layers_are_those_of_keras(of: Any, inputs: int, size: int, rows: int, steps: int, bias: bool):
    record, rng = of(inputs, size, bias=bias), np.random.default_rng(steps)

    def drawn(*shape: int) -> Any:
        return rng.normal(size=shape).astype(np.float32)

    layer = BACKEND.lower(record)
    weights = {name: drawn(*array.shape) for name, array in BACKEND.get_weights(layer).items()}
    BACKEND.set_weights(layer, weights)
    x, state = tf.constant(drawn(rows, steps, inputs)), [tf.constant(drawn(rows, size)) for _ in "hc"]
    y, after = layer((x, dict(zip("hc", state, strict=True))))
    expected, *ends = keras_layer(record, weights)(x, initial_state=state if of is LSTM else state[:1])
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    for leaf, wanted in zip(after, ends, strict=True):
        np.testing.assert_allclose(after[leaf], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("steps", [UNROLLED, UNROLLED + 1])
def test_long_sequences_have_the_gradients_of_their_halves(steps: int):
    layer, half = BACKEND.lower(GRU(3, 4)), steps // 2
    x = tf.constant(np.random.default_rng(0).normal(size=(2, steps, 3)).astype(np.float32))
    start = {"h": tf.ones((2, 4))}

    def whole() -> Any:
        return layer((x, start))

    def halved() -> Any:
        first, between = layer((x[:, :half], start))
        second, after = layer((x[:, half:], between))
        return tf.concat([first, second], 1), after

    found = []
    for run in (whole, tf.function(whole, autograph=False), halved):
        with tf.GradientTape() as tape:
            y, after = run()
            loss = tf.reduce_sum(tf.square(y)) + tf.reduce_sum(after["h"])
        found.append([y, *tape.gradient(loss, list(layer.weights.values()))])
    for one in found[:2]:
        for mine, wanted in zip(one, found[2], strict=True):
            np.testing.assert_allclose(mine, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("memory", ["lstm", "gru"])
def test_a_graph_of_the_user_s_takes_sequences_of_unknown_length(memory: str, caplog: pytest.LogCaptureFixture):
    module = module_of(memory)
    batch = batch_of(module, 2, 5)
    state = tf.nest.map_structure(lambda leaf: tf.TensorSpec((None, *leaf.shape[1:])), batch["state_in"])
    signature = [{"obs": tf.TensorSpec((None, None, 3)), "state_in": state}]
    graph = tf.function(lambda given: dict(module.forward_train(given)), input_signature=signature)
    found = graph(batch)
    assert caplog.text == "", "AutoGraph tells here of code that it cannot rewrite"
    for key in ("action_dist_inputs", "vf_preds"):
        np.testing.assert_allclose(found[key], module.forward_train(batch)[key], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("memory", MEMORIES)
def test_every_weight_learns_from_a_sequence(memory: str):
    module = module_of(memory)
    weights = BACKEND.named_weights(module)
    with tf.GradientTape() as tape:
        outputs = module.forward_train(batch_of(module, 4, 5))
        loss = sum(tf.reduce_mean(tf.square(outputs[key])) for key in ("action_dist_inputs", "vf_preds"))
    gradients = tape.gradient(loss, list(weights.values()))
    assert [name for name, each in zip(weights, gradients, strict=True) if each is None or not np.any(each)] == []


@pytest.mark.parametrize("memory", MEMORIES)
def test_numpy_serves_what_tensorflow_learnt_for_as_long_as_an_episode_goes(memory: str):
    module = module_of(memory)
    obs = np.random.default_rng(0).uniform(-1, 1, size=(40, 4, 3)).astype(np.float32)
    sessions = [Policy(each).session(4) for each in (module, module.to_framework("numpy"))]
    for t in range(40):
        if t % 13 == 12:
            for session in sessions:
                session.reset(np.arange(4) == t % 4)
        ours, numpy = (session.act(obs[t]) for session in sessions)
        np.testing.assert_array_equal(ours, numpy)
    assert module._graphs.traces == 1


def test_a_copy_of_a_module_that_remembers_is_its_own():
    module = module_of("lstm", shared=True)
    twin = copy.deepcopy(module)
    twin.set_state({name: array + 1.0 for name, array in twin.get_state().items()})
    assert BACKEND.plan_of(twin.encoder) == BACKEND.plan_of(module.encoder)
    batch = batch_of(module, 2, 3)
    assert not np.array_equal(module.forward_train(batch)["vf_preds"], twin.forward_train(batch)["vf_preds"])


@pytest.mark.parametrize("memory", ["gru", "attention"])
def test_xla_compiles_memory_without_another_result(memory: str):
    module = module_of(memory, shared=True)
    batch = batch_of(module, 2, 3)
    expected = module.forward_inference(batch)["action_dist_inputs"]
    module.compile(jit_compile=True)
    np.testing.assert_allclose(module.forward_inference(batch)["action_dist_inputs"], expected, rtol=1e-4, atol=1e-5)


def test_what_xla_cannot_compile_runs_uncompiled_and_one_warning_says_why():
    module = module_of("lstm", shared=True)
    batch = batch_of(module, 2, 3)
    expected = module.forward_inference(batch)["action_dist_inputs"]
    module.compile(jit_compile=True)
    with pytest.warns(RuntimeWarning, match=r"TfActorCriticRLModule runs without a graph.*BlockLSTM") as caught:
        found = [module.forward_inference(batch)["action_dist_inputs"] for _ in range(2)]
    assert len(caught) == 1
    for each in found:
        np.testing.assert_allclose(each, expected, rtol=1e-5, atol=1e-6)
