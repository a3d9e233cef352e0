from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import (
    ActorCriticEncoderConfig,
    AttentionEncoderConfig,
    MemoryEncoderConfig,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModulePlans,
    MultiStreamEncoderConfig,
    Policy,
    RecurrentEncoderConfig,
    RLModule,
    RLModuleConfig,
    SpecCheckingError,
    StateError,
    compute_actions,
    distribution_for,
    encoded_width,
)
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule
from rlmodule_core.plans import LSTM, ActorCritic, Chain, Dense, Encoder, Plan, Recurrent
from rlmodule_core.spaces import leaves_of, map_leaves

OBS, ACTIONS = gym.spaces.Box(-1.0, 1.0, (3,)), gym.spaces.Discrete(3)
TOKENIZER = MLPEncoderConfig(input_dims=(3,), hidden_layer_dims=(5,))
MEMORIES: dict[str, MemoryEncoderConfig] = {
    "lstm": RecurrentEncoderConfig(tokenizer_config=TOKENIZER, hidden_dim=4, num_layers=2, prev_rewards=True),
    "gru": RecurrentEncoderConfig(tokenizer_config=TOKENIZER, hidden_dim=4, recurrent_layer_type="gru", prev_actions=3),
    "attention": AttentionEncoderConfig(tokenizer_config=TOKENIZER, dim=4, memory=3, prev_actions=3, prev_rewards=True),
}
SEQUENCES = np.random.default_rng(0).uniform(-1, 1, size=(4, 6, 3)).astype(np.float32)
"""Four sequences of six steps."""


def made(encoder: Plan, spaces: Any = (OBS, ACTIONS)) -> NumpyActorCriticRLModule:
    """A module with random weights around an encoder of actor and critic."""
    descriptor = distribution_for(spaces[1])
    latents = encoder.output_dims((3,))
    heads = (
        MLPHeadConfig(input_dims=latents, hidden_layer_dims=(), output_layer_dim=width).plan()
        for width in (descriptor.input_dim, 1)
    )
    plans = ModulePlans(encoder, *heads, *([descriptor] * 3))
    module = NumpyActorCriticRLModule(RLModuleConfig(*spaces, {}, plans=plans))
    rng = np.random.default_rng(1)
    module.set_state({name: rng.normal(size=array.shape) for name, array in module.get_state().items()})
    return module


def module_of(memory: str, *, shared: bool) -> NumpyActorCriticRLModule:
    return made(ActorCriticEncoderConfig(base_encoder_config=MEMORIES[memory], shared=shared).plan())


def batch_of(module: RLModule, steps: slice = slice(None)) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    plan = module.backend.plan_of(module.encoder)  # type: ignore[attr-defined]
    columns = {name: rng.normal(size=(4, 6, *dims)).astype(np.float32) for name, dims in plan.extra_columns().items()}
    state = map_leaves(lambda leaf: np.repeat(leaf[None], 4, axis=0), module.get_initial_state())
    return {**{name: column[:, steps] for name, column in {"obs": SEQUENCES, **columns}.items()}, "state_in": state}


def equal(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(leaves_of(one), leaves_of(other), strict=True))


EVERY = pytest.mark.parametrize(("memory", "shared"), [(memory, s) for memory in MEMORIES for s in (True, False)])


@EVERY
def test_the_state_at_an_episode_s_start_is_zeros_as_the_plans_say(memory: str, shared: bool):
    module, leaves = module_of(memory, shared=shared), MEMORIES[memory].plan().state_shapes()
    state = module.get_initial_state()
    assert module.is_stateful()
    for part in [state] if shared else [state["actor"], state["critic"]]:
        assert {leaf: array.shape for leaf, array in part.items()} == leaves
        assert {array.dtype for array in part.values()} == {np.dtype(np.float32)}
        assert not any(array.any() for array in part.values())


@EVERY
def test_sequences_go_in_and_come_out(memory: str, shared: bool):
    module = module_of(memory, shared=shared)
    outputs = module.forward_train(batch_of(module))
    assert outputs["action_dist_inputs"].shape == (4, 6, 3)
    assert outputs["vf_preds"].shape == (4, 6)
    assert module.forward_exploration(batch_of(module)).keys() == {"action_dist_inputs", "state_out"}


@EVERY
def test_both_encoders_advance_in_exploration_and_the_actor_s_alone_in_inference(memory: str, shared: bool):
    module = module_of(memory, shared=shared)
    batch = batch_of(module)
    trained, explored, inferred = (
        getattr(module, f"forward_{phase}")(batch)["state_out"] for phase in ("train", "exploration", "inference")
    )
    assert equal(explored, trained)
    assert not equal(explored, batch["state_in"])
    if shared:
        assert equal(inferred, trained)
    else:
        assert equal(inferred["actor"], trained["actor"])
        assert inferred["critic"] is batch["state_in"]["critic"]


@EVERY
def test_values_follow_from_the_state_that_exploration_left(memory: str, shared: bool):
    module = module_of(memory, shared=shared)
    whole = module.forward_train(batch_of(module))["vf_preds"]
    state = module.forward_exploration(batch_of(module, slice(4)))["state_out"]
    rest = module.forward_train({**batch_of(module, slice(4, None)), "state_in": state})["vf_preds"]
    np.testing.assert_allclose(rest, whole[:, 4:], rtol=1e-5, atol=1e-5)


@EVERY
def test_a_session_acts_as_one_sequence(memory: str, shared: bool):
    module = module_of(memory, shared=shared)
    session = Policy(module).session(4)
    rewards = np.random.default_rng(3).normal(size=(6, 4)).astype(np.float32)
    acted = np.stack([session.act(SEQUENCES[:, t], rewards[t - 1] if t else None) for t in range(6)], axis=1)
    before = np.concatenate([np.zeros((4, 1, 3)), np.eye(3)[acted[:, :-1]]], axis=1).astype(np.float32)
    earned = np.concatenate([np.zeros((1, 4)), rewards[:-1]]).T.astype(np.float32)
    told = {**batch_of(module), "prev_actions": before, "prev_rewards": earned}
    logits = module.forward_inference(told)["action_dist_inputs"]
    np.testing.assert_array_equal(acted, logits.argmax(axis=-1))


def test_a_policy_that_is_told_of_the_step_before_needs_a_session():
    policy = Policy(module_of("lstm", shared=True))
    likelihoods = partial(policy.compute_log_likelihoods, np.zeros(1, np.int64))
    for act in (policy.compute_single_action, likelihoods):
        with pytest.raises(SpecCheckingError, match=r"is told of the action or reward .* Act through Policy\.session"):
            act(SEQUENCES[0, 0])
    columns = {"obs": SEQUENCES[:, 0], "prev_rewards": np.zeros(4, np.float32)}
    actions, state, _ = policy.compute_actions_from_input_dict(columns)
    assert (actions.shape, state["h"].shape) == ((4,), (4, 2, 4))


@pytest.mark.parametrize("memory", MEMORIES)
def test_the_encoder_hears_of_the_step_before(memory: str):
    module = module_of(memory, shared=True)
    batch = batch_of(module)
    expected = module.forward_train(batch)["action_dist_inputs"]
    asked = batch.keys() - {"obs", "state_in"}
    assert asked
    for name in asked:
        other = batch[name].copy()
        other[:, 2] += 1
        found = module.forward_train({**batch, name: other})["action_dist_inputs"]
        changed = np.abs(found - expected).max(axis=(0, 2))
        # From the third step on, and later ones remember it.
        assert changed[:2].max() < 1e-6 < changed[2:4].min()


def test_only_the_critic_may_remember():
    feed_forward = Encoder(Chain((Dense(3, 4),)))
    module = made(ActorCritic(actor=feed_forward, critic=Recurrent(feed_forward, (LSTM(4, 4),))))
    batch = batch_of(module)
    assert module.get_initial_state().keys() == {"critic"}
    assert equal(module.forward_exploration(batch)["state_out"], module.forward_train(batch)["state_out"])
    assert module.forward_inference(batch)["state_out"]["critic"] is batch["state_in"]["critic"]


def test_only_the_actor_may_remember():
    feed_forward = Encoder(Chain((Dense(3, 4),)))
    module = made(ActorCritic(actor=Recurrent(feed_forward, (LSTM(4, 4),)), critic=feed_forward))
    batch = batch_of(module)
    states = [
        getattr(module, f"forward_{phase}")(batch)["state_out"] for phase in ("train", "exploration", "inference")
    ]
    assert all(equal(state, states[0]) and state.keys() == {"actor"} for state in states)


def test_masks_have_a_time_axis_too():
    mask = gym.spaces.MultiBinary(3)
    space = gym.spaces.Dict({"numbers": OBS, "action_mask": mask})
    streams = MultiStreamEncoderConfig(base_encoder_configs={"numbers": TOKENIZER}, hidden_layer_dims=(5,))
    memory = RecurrentEncoderConfig(tokenizer_config=streams, hidden_dim=4)
    encoder = ActorCriticEncoderConfig(base_encoder_config=memory).plan()
    module = made(encoder, (space, ACTIONS))
    legal = np.random.default_rng(4).integers(0, 2, size=(4, 6, 3))
    state = map_leaves(lambda leaf: np.repeat(leaf[None], 4, axis=0), module.get_initial_state())
    batch = {"obs": {"numbers": SEQUENCES, "action_mask": legal}, "state_in": state}
    logits = module.forward_train(batch)["action_dist_inputs"]
    np.testing.assert_array_equal(logits == -1e9, legal == 0)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"obs": SEQUENCES[:, 0]}, r"'obs' expected .*'b', 't', 3"),
        ({"state_in": None}, r"'state_in', 'h'"),
        ({"prev_rewards": np.zeros((4, 6, 1), np.float32)}, r"'prev_rewards' expected .*\('b', 't'\)"),
        ({"state_in": {leaf: np.zeros((4, 1, 4), np.float32) for leaf in ("h", "c")}}, r"'state_in', 'h'.*'b', 2, 4"),
    ],
)
def test_a_batch_without_its_time_axis_or_state_is_refused(change: Mapping[str, Any], text: str):
    module = module_of("lstm", shared=True)
    batch = {name: column for name, column in {**batch_of(module), **change}.items() if column is not None}
    with pytest.raises(SpecCheckingError, match=text):
        module.forward_train(batch)


def test_a_state_of_another_module_is_refused():
    lstm, gru = module_of("lstm", shared=True), module_of("gru", shared=True)
    columns = {"obs": SEQUENCES[:, 0], "prev_rewards": np.zeros(4, np.float32)}
    state = map_leaves(lambda leaf: np.repeat(leaf[None], 4, axis=0), gru.get_initial_state())
    with pytest.raises(StateError, match=r"state_in of NumpyActorCriticRLModule must be a batch"):
        compute_actions(lstm, {**columns, "state_in": state}, explore=True)


@EVERY
def test_a_checkpoint_keeps_the_memory(tmp_path: Any, memory: str, shared: bool):
    module = module_of(memory, shared=shared)
    loaded = NumpyActorCriticRLModule.from_checkpoint(module.save_to_checkpoint(tmp_path / "saved"))
    assert loaded.get_initial_state().keys() == module.get_initial_state().keys()
    assert equal(dict(loaded.forward_train(batch_of(module))), dict(module.forward_train(batch_of(module))))


def test_a_summary_tells_of_state_sequences_and_what_is_asked_for():
    text = module_of("attention", shared=False).summary()
    for line in ("actor.memory   [1, 3, 4] float32", "attend  Attend(1, 32, 3)", "[B, T, 9]", "prev_actions [b, t, 3]"):
        assert line in text


def test_widths_of_encoded_actions_and_plans_agree():
    assert MEMORIES["gru"].prev_actions == encoded_width(ACTIONS)
