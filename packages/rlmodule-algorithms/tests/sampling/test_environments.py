from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleEnv, CartPoleVectorEnv

from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling.environments import make_env, make_vector_env
from rlmodule_core import ConfigError


def test_a_typo_in_the_id_leads_to_the_nearest_id() -> None:
    with pytest.raises(ConfigError, match="No environment 'CartPol-v1' is registered") as error:
        make_vector_env("CartPol-v1", None, 2)
    assert "Did you mean 'CartPole-v1'?" in str(error.value)
    assert "import the package that registers it" in str(error.value)


@pytest.mark.parametrize("env_id", ["CartPole-v99", "CartPole", "no_such_package:Foo-v0", "not an id", ""])
def test_other_ids_that_do_not_exist_are_refused(env_id: str) -> None:
    for make in (lambda: make_env(env_id), lambda: make_vector_env(env_id, None, 2)):
        with pytest.raises(ConfigError, match=f"No environment '{env_id}' is registered"):
            make()


def test_an_id_with_a_vector_environment_of_its_own_uses_it() -> None:
    env = make_vector_env("CartPole-v1", None, 3)
    assert isinstance(env.unwrapped, CartPoleVectorEnv)
    assert env.num_envs == 3
    env.close()


def test_any_other_id_is_made_as_often_as_needed_with_its_settings() -> None:
    env: Any = make_vector_env("Pendulum-v1", {"g": 3.5}, 3)
    assert [single.unwrapped.g for single in env.envs] == [3.5, 3.5, 3.5]
    assert len({id(single) for single in env.envs}) == 3
    env.close()


def test_an_env_class_gets_env_config_as_keywords(scripted: Any) -> None:
    script = [(2, "terminated")]
    env: Any = make_vector_env(scripted, {"script": script, "reuse": True}, 2)
    assert [(single.script, single.reuse) for single in env.envs] == [(script, True)] * 2
    assert make_env(scripted, {"script": script}).script == script


def test_a_function_gets_env_config_whole(scripted: Any) -> None:
    given: list[Any] = []

    def make(env_config: Any) -> Any:
        given.append(env_config)
        return scripted([(1, "terminated")])

    make_vector_env(make, {"any": "thing"}, 2).close()
    make_env(make)
    assert given == [{"any": "thing"}, {"any": "thing"}, {}]


def test_a_vector_environment_class_gets_the_number_and_the_settings() -> None:
    env: Any = make_vector_env(CartPoleVectorEnv, {"max_episode_steps": 17}, 5)
    assert (type(env), env.num_envs, env.max_episode_steps) == (CartPoleVectorEnv, 5, 17)
    env.close()


def test_a_vector_environment_class_makes_no_single_environment() -> None:
    with pytest.raises(ConfigError, match="CartPoleVectorEnv makes vector environments only"):
        make_env(CartPoleVectorEnv)


@pytest.mark.parametrize("source", [dict, lambda env_config: "no env", lambda env_config: None])
def test_what_makes_something_else_is_refused(source: Any) -> None:
    with pytest.raises(ConfigError, match=r"must make a gymnasium.Env, it made"):
        make_vector_env(source, {}, 2)


@pytest.mark.parametrize("source", [3, ["CartPole-v1"], CartPoleEnv()], ids=["number", "list", "instance"])
def test_what_makes_nothing_is_refused_with_what_would(source: Any) -> None:
    for make in (lambda: make_env(source), lambda: make_vector_env(source, None, 2)):
        with pytest.raises(ConfigError, match="must be a registered id, an Env class, a vector environment class"):
            make()


def test_an_id_can_be_one_that_the_user_registered(scripted: Any) -> None:
    gym.register("Scripted-v0", entry_point=lambda **settings: scripted(**settings))
    try:
        env = make_env("Scripted-v0", {"script": [(4, "truncated")]})
        assert env.unwrapped.script == [(4, "truncated")]
    finally:
        del gym.registry["Scripted-v0"]


@pytest.mark.parametrize("make", [make_env, lambda *given: make_vector_env(*given, 2)], ids=["single", "vector"])
@pytest.mark.parametrize(
    ("source", "env_config", "complaint"),
    [
        ("Pendulum-v1", {"gravity": 9.81}, "unexpected keyword argument 'gravity'"),
        ("CartPole-v1", {"sutton_barto": True}, "unexpected keyword argument 'sutton_barto'"),
        ("CartPole-v1", {"id": "x"}, "'id'"),
        (CartPoleEnv, {"sutton_barto": True}, "unexpected keyword argument 'sutton_barto'"),
        (CartPoleEnv, {3: 4}, "keywords must be strings"),
    ],
)
def test_settings_that_an_environment_does_not_take_are_a_config_error(
    make: Any, source: Any, env_config: Any, complaint: str
) -> None:
    with pytest.raises(ConfigError, match=r"env_config={.*} does not fit the environment") as error:
        make(source, env_config)
    assert complaint in str(error.value)


def test_settings_that_an_environment_needs_are_asked_for(scripted: Any) -> None:
    with pytest.raises(ConfigError, match=r"env_config={} does not fit the environment Scripted: .* 'script'"):
        make_vector_env(scripted, None, 2)


def test_a_vector_environment_class_that_does_not_take_the_settings_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="does not fit the environment CartPoleVectorEnv"):
        make_vector_env(CartPoleVectorEnv, {"gravity": 1.0}, 2)


def test_a_type_error_inside_an_environment_is_no_fault_of_the_settings() -> None:
    def make(env_config: Any) -> Any:
        return len(3)  # type: ignore[arg-type]

    with pytest.raises(EnvError, match="TypeError: object of type 'int' has no len"):
        make_vector_env(make, {"a": 1}, 2)


@pytest.mark.parametrize("env_config", [{"disable_env_checker": True}, {"max_episode_steps": -1}])
def test_settings_that_only_single_environments_know_make_single_environments(env_config: Any) -> None:
    env: Any = make_vector_env("CartPole-v1", env_config, 2)
    assert [type(single.unwrapped) for single in env.envs] == [CartPoleEnv, CartPoleEnv]
    env.close()


def test_wrappers_that_belong_to_an_id_are_kept() -> None:
    spec = gym.wrappers.TransformReward.wrapper_spec(func=lambda reward: reward * 2)
    vector = "gymnasium.envs.classic_control.cartpole:CartPoleVectorEnv"
    gym.register("Wrapped-v0", CartPoleEnv, vector_entry_point=vector, additional_wrappers=(spec,))
    try:
        env: Any = make_vector_env("Wrapped-v0", None, 2)
        env.reset(seed=0)
        assert env.step(np.zeros(2, np.int64))[1].tolist() == [2.0, 2.0]
        env.close()
    finally:
        del gym.registry["Wrapped-v0"]


@pytest.fixture
def registered() -> Iterator[Callable[..., str]]:
    """Registers an id for the test."""
    ids: list[str] = []

    def register(**settings: Any) -> str:
        ids.append("Registered-v0")
        gym.register(ids[-1], **settings)
        return ids[-1]

    yield register
    for env_id in ids:
        del gym.registry[env_id]


def test_a_vector_environment_that_does_not_take_the_limit_of_its_id_gives_way_to_single_ones(registered: Any) -> None:
    class Endless(CartPoleVectorEnv):
        def __init__(self, num_envs: int) -> None:
            super().__init__(num_envs)

    env: Any = make_vector_env(
        registered(entry_point=CartPoleEnv, vector_entry_point=Endless, max_episode_steps=3), None, 2
    )
    env.reset(seed=0)
    assert [env.step(np.zeros(2, np.int64))[3].tolist() for _ in range(3)][-1] == [True, True]


def test_an_id_with_nothing_but_a_vector_environment_uses_it_and_says_what_does_not_fit_it(registered: Any) -> None:
    env_id = registered(vector_entry_point=CartPoleVectorEnv)
    assert isinstance(make_vector_env(env_id, None, 2).unwrapped, CartPoleVectorEnv)
    with pytest.raises(ConfigError, match=r"env_config=.* does not fit the environment 'Registered-v0': .*'gravity'"):
        make_vector_env(env_id, {"gravity": 1.0}, 2)
    with pytest.raises(EnvError, match="Making the environment 'Registered-v0' failed: "):
        make_env(env_id)


def test_without_mujoco_the_error_names_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # As on a machine where it is not installed; what Gymnasium has kept of it is forgotten.
    for name in [name for name in sys.modules if "mujoco" in name.split(".")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(EnvError, match=r"pip install \"rlmodule-algorithms\[mujoco\]\""):
        make_vector_env("Hopper-v5", None, 2)
