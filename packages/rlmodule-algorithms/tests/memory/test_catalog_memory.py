"""Every kind of memory that the catalog builds, trained through PPO and acting in numpy."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, Tuple
from own_layers import TRAINING

from rlmodule_algorithms import Algorithm, PPOConfig, evaluate_policy
from rlmodule_core import Policy

TOLD = {"lstm_use_prev_action": True, "lstm_use_prev_reward": True}
MEMORIES: dict[str, dict[str, Any]] = {
    "lstm": {"use_lstm": True, "lstm_cell_size": 8},
    "lstm told": {"use_lstm": True, "lstm_cell_size": 8, **TOLD},
    "gru shared": {"use_gru": True, "lstm_cell_size": 8, "vf_share_layers": True},
    "attention": {
        "use_attention": True,
        "attention_dim": 8,
        "attention_num_heads": 2,
        "attention_head_dim": 4,
        "attention_memory_inference": 6,
        "attention_position_wise_mlp_dim": 8,
    },
    "attention told": {
        "use_attention": True,
        "attention_dim": 8,
        "attention_memory_inference": 3,
        "attention_use_n_prev_actions": 1,
        "attention_use_n_prev_rewards": 1,
    },
}


class Puzzle(gym.Env[Any, Any]):
    """Masked choices beside nested ones, in episodes of 3 to 9 steps; rewards what was asked for two steps ago."""

    observation_space = Dict(
        {"action_mask": Tuple((MultiBinary(4), MultiBinary(2))), "observations": Dict({"asked": Discrete(4)})}
    )
    action_space = Tuple((Discrete(4), Discrete(2)))

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.left, self.asked = int(self.np_random.integers(3, 10)), [0, 0]
        return self._observed(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.legal[action[0]]
        self.left -= 1
        reward = float(action[0] == self.asked[-3])
        return self._observed(), reward, False, self.left == 0, {}

    def _observed(self) -> Any:
        self.asked.append(int(self.np_random.integers(4)))
        self.legal = self.np_random.integers(2, size=4).astype(np.int8)
        self.legal[self.asked[-3]] = 1
        mask = (self.legal, np.ones(2, np.int8))
        return {"action_mask": mask, "observations": {"asked": np.int64(self.asked[-1])}}


@pytest.fixture(params=MEMORIES)
def memory_ppo(request: Any, remembering_ppo: PPOConfig) -> PPOConfig:
    config = remembering_ppo.rl_module(rl_module_spec=None)
    return config.training(model={"fcnet_hiddens": [8], "max_seq_len": 8, **MEMORIES[request.param]})


def ratios(algorithm: Any) -> Any:
    """Of a rollout, acted in numpy, under the module that learns."""
    algorithm._refresh()
    columns, _ = algorithm.learner.make_batch(algorithm._runner.sample(), algorithm._acting)
    module = algorithm.get_module()
    native = module.backend.batch(None, columns)
    dist = module.get_train_action_dist_cls().from_logits(module.forward_train(native)["action_dist_inputs"])
    logp = module.backend.to_numpy(dist.logp(native["actions"]) - native["action_logp"])
    return np.exp(logp[columns["loss_mask"]])


def test_ratios_start_at_1_and_move_with_every_iteration(memory_ppo: PPOConfig, build: Any, framework: str) -> None:
    algorithm = build(memory_ppo.training(lr=1e-2))
    assert (algorithm.get_module().framework, algorithm.acting_framework) == (framework, "numpy")
    assert np.abs(ratios(algorithm) - 1.0).max() <= 1e-5
    # The states that a rollout begins in are kept across updates, as those of another policy.
    for _ in range(2):
        result = algorithm.train()
        assert np.isfinite(list(result["learners"]["default_policy"].values())).all()
        assert np.abs(ratios(algorithm) - 1.0).max() <= 1e-5


def test_resuming_goes_on_bit_for_bit(memory_ppo: PPOConfig, build: Any, tmp_path: Path) -> None:
    config = memory_ppo.checkpointing(exact_resume=True)
    one = build(config)
    one.train()
    one.save(tmp_path)
    other = Algorithm.from_checkpoint(tmp_path, config=config)
    for algorithm in (one, other):
        algorithm.train()
    expected, found = one.get_module().get_state(), other.get_module().get_state()
    assert all(np.array_equal(expected[name], found[name]) for name in expected)
    other.stop()


FIRST, *OTHERS = TRAINING


@pytest.mark.parametrize(
    ("framework", "memory"),
    [*product([FIRST], ["lstm told", "gru shared", "attention told"]), *product(OTHERS, ["gru shared"])],
)
def test_masks_nested_observations_and_nested_actions_go_with_memory(
    remembering_ppo: PPOConfig, build: Any, tmp_path: Path, memory: str, framework: str
) -> None:
    model = {"fcnet_hiddens": [8], "max_seq_len": 4, **MEMORIES[memory]}
    config = remembering_ppo.rl_module(rl_module_spec=None).training(model=model, lr=1e-2)
    algorithm = build(config.environment(lambda _: Puzzle()))
    for _ in range(2):
        assert np.abs(ratios(algorithm) - 1.0).max() <= 1e-5
        algorithm.train()
    algorithm.save(tmp_path)
    served, trainer = (Policy.from_checkpoint(tmp_path, framework=name) for name in ("numpy", framework))
    sessions = [policy.session(1) for policy in (served, trainer)]
    env, rewards = Puzzle(), np.zeros(1)
    obs, _ = env.reset(seed=0)
    for _ in range(200):
        actions = [session.act(batched(obs), rewards) for session in sessions]
        np.testing.assert_equal(actions[0], actions[1])
        obs, reward, _, over, _ = env.step(tuple(int(part[0]) for part in actions[0]))
        rewards = np.array([reward])
        if over:
            obs, _ = env.reset()
            for session in sessions:
                session.reset()
    found, expected = evaluate_policy(served, Puzzle, episodes=4, seed=5), algorithm.evaluate(episodes=4, seed=5)
    assert found == expected


def batched(obs: Any) -> Any:
    """One observation as a batch of one."""
    if isinstance(obs, dict):
        return {key: batched(part) for key, part in obs.items()}
    return tuple(map(batched, obs)) if isinstance(obs, tuple) else np.asarray(obs)[None]


def test_boxes_are_told_as_numbers(remembering_ppo: PPOConfig, build: Any) -> None:
    model = {"fcnet_hiddens": [8], "max_seq_len": 8, **MEMORIES["lstm told"]}
    config = remembering_ppo.rl_module(rl_module_spec=None).training(model=model).environment("Pendulum-v1")
    algorithm = build(config)
    rollout = algorithm._runner.sample()
    assert isinstance(algorithm._runner.env.single_action_space, Box)
    np.testing.assert_array_equal(rollout.previous["prev_actions"][1:], rollout.outputs["actions"][:-1])
    np.testing.assert_array_equal(rollout.previous["prev_rewards"][1:], rollout.rewards[:-1])
    assert not rollout.previous["prev_actions"][0].any()
    algorithm.train()
