from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from own_layers import TRAINING

from rlmodule_algorithms import PPOConfig
from rlmodule_algorithms.errors import EnvError
from rlmodule_core import Policy


class Half(gym.Env[Any, Any]):
    """Two of eight actions are legal, one below four and one above; the sign of x says which gives 1, the other 0.

    An illegal action gives -1 and ends the episode, which otherwise takes eight steps.
    """

    observation_space: Any = gym.spaces.Dict(
        {"action_mask": gym.spaces.MultiBinary(8), "x": gym.spaces.Box(-1.0, 1.0, (1,))}
    )
    action_space = gym.spaces.Discrete(8)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.left = 8
        return self._observed(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.left -= 1
        legal = action in self.legal
        reward = float(action == self.legal[self.upper]) if legal else -1.0
        return self._observed(), reward, not legal or self.left == 0, False, {}

    def _observed(self) -> Any:
        low, high = self.np_random.integers(4, size=2).tolist()
        self.legal = (low, 4 + high)
        self.upper = int(self.np_random.integers(2))
        mask = np.zeros(8, np.int8)
        mask[list(self.legal)] = 1
        return {"action_mask": mask, "x": np.array([2.0 * self.upper - 1], np.float32)}


class Unmasked(Half):
    """The same task without the mask."""

    observation_space = Half.observation_space["x"]

    def _observed(self) -> Any:
        return super()._observed()["x"]


def trained(small_ppo: PPOConfig, build: Any, env: Any) -> tuple[Any, float]:
    config = small_ppo.environment(env).training(lr=0.02, train_batch_size=256, minibatch_size=64, num_epochs=4)
    algorithm = build(config.evaluation(evaluation_interval=None))
    for _ in range(12):
        algorithm.train()
    return algorithm, algorithm.evaluate(episodes=20)["episode_return_mean"]


def test_ppo_learns_a_task_whose_illegal_actions_end_the_episode(
    small_ppo: PPOConfig, build: Any, tmp_path: Path
) -> None:
    algorithm, mean = trained(small_ppo, build, Half)
    assert mean == 8.0
    algorithm.save(tmp_path)
    served = Policy.from_checkpoint(tmp_path, framework="numpy")
    env = Half()
    obs, _ = env.reset(seed=3)
    for _ in range(8):
        action = served.compute_single_action(obs)[0]
        assert action == algorithm.compute_single_action(obs)[0]
        obs, reward, *_ = env.step(action)
        assert reward == 1.0


@pytest.mark.parametrize("framework", TRAINING[:1])
def test_without_its_mask_the_task_is_not_learned(small_ppo: PPOConfig, build: Any) -> None:
    assert trained(small_ppo, build, Unmasked)[1] < 1.0


def test_masked_rollouts_are_trained_on_as_they_were_sampled(small_ppo: PPOConfig, build: Any) -> None:
    config = small_ppo.environment(Half).training(minibatch_size=128, num_epochs=1)
    metrics = build(config.evaluation(evaluation_interval=None)).train()["learners"]["default_policy"]
    assert metrics["mean_kl_loss"] == pytest.approx(0.0, abs=1e-6)
    assert 0.0 < metrics["entropy"] <= np.log(2) + 1e-6


def test_a_mask_that_leaves_no_action_is_named_with_its_environment_and_step(small_ppo: PPOConfig, build: Any) -> None:
    class Stuck(Half):
        def _observed(self) -> Any:
            obs = super()._observed()
            return {**obs, "action_mask": np.zeros(8, np.int8)} if self.left == 6 else obs

    algorithm = build(small_ppo.environment(Stuck).evaluation(evaluation_interval=None))
    with pytest.raises(EnvError, match=r"Environment 0 \(Stuck\) gave an action mask that leaves no legal action at"):
        algorithm.train()


@pytest.mark.parametrize("framework", TRAINING[:1])
def test_an_episode_may_end_without_a_legal_action(small_ppo: PPOConfig, build: Any) -> None:
    class Over(Half):
        def _observed(self) -> Any:
            obs = super()._observed()
            return {**obs, "action_mask": np.zeros(8, np.int8)} if self.left == 0 else obs

    for mode in gym.vector.AutoresetMode.NEXT_STEP, gym.vector.AutoresetMode.SAME_STEP:

        def make(_: Any, mode: Any = mode) -> Any:
            return gym.vector.SyncVectorEnv([Over] * 4, autoreset_mode=mode)

        result = build(small_ppo.environment(make).evaluation(evaluation_interval=None)).train()
        assert np.isfinite(result["learners"]["default_policy"]["policy_loss"])
