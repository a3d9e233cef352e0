from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_algorithms import PPOConfig
from rlmodule_core import ConfigError, NotANumberError, UnsupportedSpaceError


@pytest.fixture
def watched(scripted: Any) -> tuple[list[Any], Any]:
    """The environments that were made, and the function that makes them."""
    made: list[Any] = []

    def make(env_config: Any) -> Any:
        made.append(scripted([(3, "terminated")], **env_config))
        return made[-1]

    return made, make


def test_stop_closes_the_environments(watched: Any, small_ppo: PPOConfig) -> None:
    made, make = watched
    algorithm = small_ppo.environment(make).build()
    algorithm.train()
    assert [env.closed for env in made] == [False] * 4
    algorithm.stop()
    assert [env.closed for env in made] == [True] * 4


@pytest.mark.parametrize("failing", [{"model": {"fcnet_hidens": [8]}}, {"model": {"fcnet_activation": "no such"}}])
def test_a_build_that_fails_closes_the_environments(watched: Any, small_ppo: PPOConfig, failing: Any) -> None:
    made, make = watched
    with pytest.raises(ConfigError):
        small_ppo.environment(make).training(**failing).build()
    assert [env.closed for env in made] == [True] * 4


def test_a_reset_that_fails_closes_the_environments_too(scripted: Any, small_ppo: PPOConfig) -> None:
    made: list[Any] = []

    class Failing(scripted):
        def reset(self, **settings: Any) -> Any:
            raise RuntimeError("no licence")

    def make(env_config: Any) -> Any:
        made.append(Failing([(3, "terminated")]))
        return made[-1]

    with pytest.raises(RuntimeError, match="no licence"):
        small_ppo.environment(make).build()
    assert [env.closed for env in made] == [True] * 4


@pytest.mark.parametrize("poison", ["reward", "obs"])
def test_an_environment_that_goes_mad_stops_training_with_the_last_good_weights(
    watched: Any, small_ppo: PPOConfig, poison: str
) -> None:
    made, make = watched
    algorithm = small_ppo.environment(make, env_config={"poison": (40, poison)}).build()
    algorithm.train()
    learned = algorithm.get_module().get_state()
    with pytest.raises(NotANumberError, match="is not finite at step"):
        algorithm.train()
    assert all(np.array_equal(learned[name], value) for name, value in algorithm.get_module().get_state().items())
    assert algorithm.iteration == 1
    algorithm.stop()
    assert all(env.closed for env in made)


@pytest.mark.parametrize("act_with", ["numpy", "module"])
@pytest.mark.parametrize("raises", [False, True])
def test_weights_that_are_not_finite_are_not_blamed_on_the_environment(
    small_ppo: PPOConfig, act_with: Any, raises: bool
) -> None:
    class Trusting(gym.Env[Any, Any]):
        observation_space = gym.spaces.Box(-1.0, 1.0, (2,))
        action_space = gym.spaces.Box(-1.0, 1.0, (1,))

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
            return np.zeros(2, np.float32), {}

        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            if raises:
                raise ValueError(f"{action} is no action")
            return np.zeros(2, np.float32), float(action[0]), False, False, {}

    algorithm = small_ppo.environment(lambda _: Trusting()).env_runners(act_with=act_with).build()
    module = algorithm.get_module()
    bias = module.get_state()["pi.0.bias"]
    module.set_state(module.get_state() | {"pi.0.bias": bias * np.nan})
    with pytest.raises(
        NotANumberError, match=r"RLModule\.forward_exploration gave environment 0 an action .* at step 0"
    ):
        algorithm.train()
    algorithm.stop()


def test_actions_for_observations_that_are_not_finite_are_blamed_on_the_environment(small_ppo: PPOConfig) -> None:
    class Sick(gym.Env[Any, Any]):
        observation_space = gym.spaces.Box(-1.0, 1.0, (2,))
        action_space = gym.spaces.Box(-1.0, 1.0, (1,))

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
            return np.zeros(2, np.float32), {}

        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            return np.full(2, np.nan, np.float32), 0.0, False, False, {}

    algorithm = small_ppo.environment(lambda _: Sick()).build()
    with pytest.raises(
        NotANumberError, match=r"Environment 0 \(Sick\) gave an observation that is not finite at step 0"
    ):
        algorithm.train()
    algorithm.stop()


@pytest.mark.parametrize(
    ("attribute", "space", "way_out"),
    [
        ("observation_space", gym.spaces.Text(3), "gymnasium.wrappers.TransformObservation"),
        ("action_space", gym.spaces.Text(3), "get_action_dist_cls"),
    ],
    ids=["observation", "action"],
)
def test_a_space_without_a_default_says_which_and_the_way_out(
    scripted: Any, small_ppo: PPOConfig, attribute: str, space: Any, way_out: str
) -> None:
    odd = type("Odd", (scripted,), {attribute: space})
    with pytest.raises(UnsupportedSpaceError) as error:
        small_ppo.environment(odd, env_config={"script": [(1, "terminated")]}).build()
    assert str(space) in str(error.value)
    assert way_out in str(error.value)
