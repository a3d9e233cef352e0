"""What normalises observations and rewards goes with memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rlmodule_algorithms import PPOConfig
from rlmodule_algorithms.sampling.reward_scaling import RewardScaling
from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_algorithms.sampling.train_batch import actor_critic_batch
from rlmodule_core import ActorCriticRLModule, SingleAgentRLModuleSpec, get_backend

MODEL = {
    "fcnet_hiddens": [8],
    "use_lstm": True,
    "lstm_cell_size": 8,
    "lstm_use_prev_reward": True,
    "max_seq_len": 8,
    "normalize_observations": True,
}


@pytest.mark.parametrize("share", [False, True])
def test_statistics_of_a_tokenizer_are_those_of_the_steps_that_count(
    remembering_ppo: PPOConfig, build: Any, share: bool
) -> None:
    config = remembering_ppo.rl_module(rl_module_spec=None).training(model={**MODEL, "vf_share_layers": share})
    algorithm = build(config.env_runners(normalize_rewards=True))
    seen: list[Any] = []
    merge = algorithm.learner.update_statistics

    def watched(rollouts: Any) -> None:
        seen.extend(rollout.obs[:-1][rollout.valid] for rollout in rollouts.values())
        merge(rollouts)

    algorithm.learner.update_statistics = watched
    for _ in range(2):
        algorithm.train()
    state, rows = algorithm.get_module().get_state(), np.concatenate(seen).astype(np.float64)
    for encoder in ["shared"] if share else ["actor", "critic"]:
        name = f"encoder.{encoder}.tokenizer.0"
        np.testing.assert_allclose(state[f"{name}.mean"], rows.mean(axis=0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(state[f"{name}.variance"], rows.var(axis=0), rtol=1e-5)
        assert state[f"{name}.count"] == len(rows) == 512


def test_ratios_start_at_1_with_new_statistics(remembering_ppo: PPOConfig, build: Any) -> None:
    config = remembering_ppo.rl_module(rl_module_spec=None).training(model=MODEL, lr=1e-2)
    algorithm = build(config.env_runners(normalize_rewards=True))
    assert algorithm.acting_framework == "numpy"
    for _ in range(3):
        algorithm.train()
        algorithm._refresh()
        columns, _ = algorithm.learner.make_batch(algorithm._runner.sample(), algorithm._acting)
        module = algorithm.get_module()
        native = module.backend.batch(None, columns)
        dist = module.get_train_action_dist_cls().from_logits(module.forward_train(native)["action_dist_inputs"])
        logp = module.backend.to_numpy(dist.logp(native["actions"]) - native["action_logp"])
        assert np.abs(logp[columns["loss_mask"]]).max() <= 1e-5


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_module_is_told_rewards_as_they_were_earned_and_learns_scaled_ones(
    scripted: Any, mode: AutoresetMode
) -> None:
    env = SyncVectorEnv([lambda: scripted([(3, "truncated"), (30, "terminated")])], autoreset_mode=mode)
    spaces = env.single_observation_space, env.single_action_space
    settings = {key: value for key, value in MODEL.items() if key != "normalize_observations"}
    module = SingleAgentRLModuleSpec(ActorCriticRLModule, *spaces, settings, "ppo").build(framework="numpy")
    told: list[Any] = []
    forward = module._forward_train

    def watched(batch: Any) -> Any:
        told.append((batch["prev_rewards"], batch["seq_lens"]))
        return forward(batch)

    module._forward_train = watched  # type: ignore[method-assign]
    scaling = RewardScaling(1, gamma=0.9)
    runner = Runner(env, module, rng=get_backend("numpy").rng(0), fragment_length=8, seed=0, reward_scaling=scaling)
    for first in (0.0, 4.0 if mode is AutoresetMode.NEXT_STEP else 5.0):
        rollout = runner.sample()
        assert rollout.unscaled is not None
        assert not np.array_equal(rollout.rewards, rollout.unscaled)
        assert rollout.previous["prev_rewards"][0] == first
        columns, _ = actor_critic_batch(rollout, module, gamma=0.9, lambda_=0.9)
        whole = [float(reward) for row, steps in zip(*told.pop(), strict=True) for reward in row[:steps]]
        assert all(reward == round(reward) for reward in whole), "what was scaled would be no whole number"
        assert set(np.ravel(rollout.rewards[rollout.valid])) != set(np.ravel(rollout.unscaled[rollout.valid]))
        assert set(columns["prev_rewards"].ravel()) <= set(map(float, range(30)))
