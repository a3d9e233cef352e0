"""Training, evaluation, saving and resuming with a module that carries a state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from own_layers import EACH_TRAINING

from rlmodule_algorithms import Algorithm, evaluate_policy
from rlmodule_core import Policy


def same_weights(one: Any, other: Any) -> bool:
    expected, found = one.get_module().get_state(), other.get_module().get_state()
    return all(np.array_equal(expected[name], found[name]) for name in expected)


@EACH_TRAINING
def test_a_single_action_takes_and_gives_the_state(trained: Any) -> None:
    obs = np.array([0.3, -0.2], np.float32)
    _, state, first = trained.compute_single_action(obs)
    assert {key: leaf.shape for key, leaf in state.items()} == {"h": (12,), "c": (12,)}
    _, _, second = trained.compute_single_action(obs, state=state)
    _, _, anew = trained.compute_single_action(obs, state=trained.get_module().get_initial_state())
    np.testing.assert_array_equal(first["action_dist_inputs"], anew["action_dist_inputs"])
    assert np.abs(first["action_dist_inputs"] - second["action_dist_inputs"]).max() > 1e-2


@EACH_TRAINING
def test_evaluated_episodes_are_those_played_one_by_one_with_their_states(trained: Any) -> None:
    found = trained.evaluate(episodes=11, seed=100)
    returns = []
    for episode in range(11):
        env, state = trained.config.env(None), None
        obs, done, total = env.reset(seed=100 + episode)[0], False, 0.0
        while not done:
            action, state, _ = trained.compute_single_action(obs, state=state)
            obs, reward, terminated, truncated, _ = env.step(action)
            total, done = total + float(reward), terminated or truncated
        returns.append(total)
    assert found["episode_returns"] == returns


def test_states_leave_with_the_episode(remembering_ppo: Any, build: Any, scripted: Any) -> None:
    # Every episode of the same observations, so that only a state that was kept could tell two of them apart.
    class Alike(scripted):
        def _observed(self, value: float) -> Any:
            return np.full(1, value % 10, np.float32)

    config = remembering_ppo.environment(lambda _: Alike([(3, "terminated"), (5, "truncated")]))
    algorithm = build(config)
    seen: list[Any] = []
    policy = Policy(algorithm.get_module())
    compute = policy.compute_actions_from_input_dict

    def watching(columns: Any, *, explore: bool) -> Any:
        result = compute(columns, explore=explore)
        seen.append((columns["obs"][:, 0].tolist(), result[2]["action_dist_inputs"].tolist()))
        return result

    policy.compute_actions_from_input_dict = watching  # type: ignore[method-assign]
    evaluate_policy(policy, lambda: Alike([(3, "terminated")]), episodes=2, seed=0)
    one = [inputs[0] for _, inputs in seen]
    seen.clear()
    evaluate_policy(policy, lambda: Alike([(3, "terminated")]), episodes=17, seed=0)
    first_env = [inputs[0] for _, inputs in seen]
    assert [obs[0] for obs, _ in seen] == [0.0, 1.0, 2.0] * 3
    for turn in range(3):
        np.testing.assert_allclose(first_env[3 * turn : 3 * turn + 3], one, rtol=1e-5, atol=1e-6)


def test_callbacks_and_metrics_are_as_before(remembering_ppo: Any, build: Any) -> None:
    rollouts: list[Any] = []
    config = remembering_ppo.callbacks(on_sample_end=lambda algorithm, rollout: rollouts.append(rollout))
    result = build(config.evaluation(evaluation_interval=1)).train()
    assert rollouts[0].num_steps == result["env_runners"]["num_env_steps_sampled"] == 256
    learned = result["learners"]["default_policy"]
    assert {"policy_loss", "vf_loss", "entropy", "mean_kl_loss", "vf_explained_var"} <= learned.keys()
    assert all(np.isfinite(list(learned.values())))
    assert len(result["evaluation"]["episode_returns"]) == 3


@EACH_TRAINING
def test_a_resumed_run_goes_on_bit_for_bit(remembering_ppo: Any, build: Any, tmp_path: Path) -> None:
    config = remembering_ppo.checkpointing(exact_resume=True)
    one = build(config)
    one.train()
    one.save(tmp_path)
    other = Algorithm.from_checkpoint(tmp_path, config=config)
    for _ in range(2):
        one.train()
        other.train()
    assert same_weights(one, other)
    assert one.evaluate() == other.evaluate()
    other.stop()


@EACH_TRAINING
def test_a_served_checkpoint_acts_with_memory(trained: Any, tmp_path: Path) -> None:
    trained.save(tmp_path)
    policy = Policy.from_checkpoint(tmp_path, module_class=type(trained.get_module()))
    assert policy.module.framework == trained.get_module().framework
    found = evaluate_policy(policy, lambda: trained.config.env(None), episodes=5, seed=3)
    assert found == trained.evaluate(episodes=5, seed=3)


@pytest.mark.parametrize("mode", list(gym.vector.AutoresetMode))
def test_every_autoreset_mode_trains(remembering_ppo: Any, build: Any, mode: Any) -> None:
    make_one = remembering_ppo.env

    def make(env_config: Any) -> Any:
        return gym.vector.SyncVectorEnv([lambda: make_one(None)] * 4, autoreset_mode=mode)

    algorithm = build(remembering_ppo.environment(make))
    for _ in range(2):
        result = algorithm.train()
    assert np.isfinite(list(result["learners"]["default_policy"].values())).all()


def test_a_shorter_limit_makes_shorter_sequences_and_none_makes_whole_fragments(
    remembering_ppo: Any, build: Any
) -> None:
    longest = {}
    for limit in (3, 64, 1000):
        algorithm = build(remembering_ppo.training(model={"max_seq_len": limit}))
        rollout = algorithm._runner.sample()
        longest[limit] = rollout.sequences().longest
        assert rollout.sequences().lengths.sum() == 256
    assert longest[3] == 3
    assert 3 < longest[64] == longest[1000] <= 64
