from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_algorithms import PPOConfig, evaluate_policy
from rlmodule_algorithms.errors import EnvError
from rlmodule_core import ConfigError, Policy, SingleAgentRLModuleSpec

BOX = gym.spaces.Box(-np.inf, np.inf, (1,))


@pytest.mark.parametrize("act_with", ["numpy", "module"])
def test_evaluating_twice_gives_the_same_and_leaves_training_as_it_was(
    small_ppo: PPOConfig, build: Any, act_with: str
) -> None:
    plain, interrupted = (build(small_ppo.env_runners(act_with=act_with)) for _ in range(2))
    for _ in range(2):
        plain.train()
        interrupted.train()
        assert interrupted.evaluate() == interrupted.evaluate()
    expected, found = (algorithm.get_module().get_state() for algorithm in (plain, interrupted))
    assert all(np.array_equal(expected[name], found[name]) for name in expected)


def test_episodes_are_played_greedily_from_consecutive_seeds(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo)
    found = algorithm.evaluate(episodes=11, seed=100)
    returns = []
    for episode in range(11):
        env = gym.make("CartPole-v1")
        obs, done, total = env.reset(seed=100 + episode)[0], False, 0.0
        while not done:
            obs, reward, terminated, truncated, _ = env.step(algorithm.compute_single_action(obs)[0])
            total, done = total + float(reward), terminated or truncated
        returns.append(total)
    assert found["episode_returns"] == returns
    assert found["episode_lengths"] == returns
    assert found["episode_return_mean"] == np.mean(returns)


def test_the_interval_and_the_duration_are_kept(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo.evaluation(evaluation_interval=2, evaluation_duration=5))
    results = [algorithm.train() for _ in range(4)]
    assert ["evaluation" in result for result in results] == [False, True, False, True]
    assert len(results[1]["evaluation"]["episode_returns"]) == 5


def test_exploring_evaluation_samples(small_ppo: PPOConfig, build: Any) -> None:
    policy = Policy(build(small_ppo).get_module(), seed=1)
    runs = [
        evaluate_policy(policy, lambda: gym.make("CartPole-v1"), episodes=3, seed=0, explore=True) for _ in range(2)
    ]
    assert runs[0] != runs[1]


def test_environments_are_closed_also_when_one_fails(scripted: Any, small_ppo: PPOConfig, build: Any) -> None:
    made: list[Any] = []

    class Failing(scripted):
        def step(self, action: Any) -> Any:
            raise RuntimeError("the simulator crashed")

    def make() -> Any:
        made.append(Failing([(1, "terminated")]))
        return made[-1]

    algorithm = build(small_ppo.environment(scripted, env_config={"script": [(1, "terminated")]}))
    with pytest.raises(RuntimeError, match="crashed"):
        evaluate_policy(Policy(algorithm.get_module()), make, episodes=3, seed=0)
    assert [env.closed for env in made] == [True, True, True]


@pytest.mark.parametrize(
    ("argument", "value"),
    [("episodes", 0), ("episodes", "3"), ("episodes", 1.5), ("episodes", True), ("seed", -1), ("seed", "a")],
)
def test_arguments_that_are_no_such_numbers_are_refused_by_name(
    small_ppo: PPOConfig, build: Any, argument: str, value: Any
) -> None:
    with pytest.raises(ConfigError, match=rf"The option '{argument}' must be an integer of at least \d, got {value!r}"):
        build(small_ppo).evaluate(**{argument: value})


def test_a_numpy_integer_is_a_seed_too(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo)
    assert algorithm.evaluate(episodes=np.int64(2), seed=np.int64(5)) == algorithm.evaluate(episodes=2, seed=5)


@pytest.mark.parametrize(
    ("method", "result", "where"),
    [
        ("reset", None, "failed in reset() before episode 0 of the evaluation"),
        ("reset", (np.zeros(2), {}), "failed in reset() before episode 0 of the evaluation: ValueError: expected an"),
        ("step", (np.zeros(1), 0.0, True, {}), "failed in step() at step 0 of episode 0 of the evaluation"),
        ("step", (None, 0.0, False, False, {}), "expected an observation of shape (1,), got NoneType of shape ()"),
        ("step", (np.zeros(1), None, False, False, {}), "failed in step() at step 0 of episode 0"),
    ],
)
def test_an_environment_that_returns_something_odd_is_named(
    scripted: Any, small_ppo: PPOConfig, build: Any, method: str, result: Any, where: str
) -> None:
    sick = type("Sick", (scripted,), {method: lambda self, *given, **named: result})
    algorithm = build(small_ppo.environment(scripted, env_config={"script": [(1, "terminated")]}))
    with pytest.raises(EnvError) as error:
        evaluate_policy(Policy(algorithm.get_module()), lambda: sick([(1, "terminated")]), episodes=2, seed=0)
    assert where in str(error.value)
    assert "The environment Sick" in str(error.value)


def test_an_environment_that_cannot_be_made_leaves_no_other_open(
    scripted: Any, small_ppo: PPOConfig, build: Any
) -> None:
    made: list[Any] = []

    def make() -> Any:
        if len(made) == 2:
            raise OSError("no more licences")
        made.append(scripted([(1, "terminated")]))
        return made[-1]

    algorithm = build(small_ppo.environment(scripted, env_config={"script": [(1, "terminated")]}))
    policy = Policy(algorithm.get_module())
    with pytest.raises(EnvError, match="OSError: no more licences"):
        evaluate_policy(policy, make, episodes=4, seed=0)
    assert [env.closed for env in made] == [True, True]
    with pytest.raises(ConfigError, match=r"must make a gymnasium.Env to evaluate in, it made 3"):
        evaluate_policy(policy, lambda: 3, episodes=1, seed=0)  # type: ignore[arg-type, return-value]


def test_a_close_that_fails_does_not_hide_why(scripted: Any, small_ppo: PPOConfig, build: Any) -> None:
    class Sick(scripted):
        def step(self, action: Any) -> Any:
            raise OSError("first")

        def close(self) -> None:
            raise OSError("second")

    algorithm = build(small_ppo.environment(scripted, env_config={"script": [(1, "terminated")]}))
    with pytest.raises(EnvError, match="first"):
        evaluate_policy(Policy(algorithm.get_module()), lambda: Sick([(1, "terminated")]), episodes=2, seed=0)


class Ends(gym.Env[Any, Any]):
    """Takes one legal action of two for a step or more, by the seed; at the end none is legal any more."""

    observation_space = gym.spaces.Dict({"action_mask": gym.spaces.MultiBinary(2), "observations": BOX})
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        assert seed is not None
        self.left = 1 + seed % 5
        return self._observed(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.left -= 1
        return self._observed(), 1.0, self.left == 0, False, {}

    def _observed(self) -> Any:
        mask = np.array([0, self.left > 0], np.int8)
        return {"action_mask": mask, "observations": np.full(1, self.left, np.float32)}


def test_an_episode_that_is_over_is_not_acted_in_while_others_go_on(small_ppo: PPOConfig) -> None:
    spaces = {"observation_space": Ends.observation_space, "action_space": Ends.action_space}
    spec = small_ppo.default_module_spec().update(SingleAgentRLModuleSpec(**spaces, model_config_dict={}))
    found = evaluate_policy(Policy(spec.build(framework="numpy")), Ends, episodes=9, seed=0)
    assert found["episode_lengths"] == [1, 2, 3, 4, 5, 1, 2, 3, 4]
