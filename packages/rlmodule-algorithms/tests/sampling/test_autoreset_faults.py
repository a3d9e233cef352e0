"""Vector environments that promise an autoreset mode and do something else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_core import get_backend

SCRIPT = [(2, "truncated"), (3, "terminated")]


def sample(env: Any, echo: Any) -> Any:
    return Runner(env, echo(env), rng=get_backend("numpy").rng(0), fragment_length=6, seed=0).sample()


def changing_infos(scripted: Any, change: Any, **settings: Any) -> Any:
    """A vector environment whose infos are changed before they are given."""

    class Odd(SyncVectorEnv):
        def step(self, actions: Any) -> Any:
            *others, infos = super().step(actions)
            return *others, change(infos)

    return Odd([lambda: scripted(SCRIPT), lambda: scripted([(4, "truncated")])], **settings)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda infos: {}, r"infos must hold 'final_obs' \[B\], .* infos hold \[\]"),
        (lambda infos: {"final_observation": infos.get("final_obs")}, r"infos hold \['final_observation'\]"),
        (lambda infos: {**infos, "final_obs": None}, r"infos\['final_obs'\] must have a row for each .*, got None"),
        (lambda infos: {**infos, "final_obs": []}, r"infos\['final_obs'\] must have a row for each environment"),
        (
            lambda infos: {**infos, "final_obs": [None, None]},
            r"infos\['final_obs'\]\[0\] of shape \(1,\), got NoneType",
        ),
        (lambda infos: {**infos, "final_obs": np.zeros((2, 3))}, r"infos\['final_obs'\]\[0\] of shape \(1,\), got nda"),
        (lambda infos: {**infos, "final_obs": [["x"], ["x"]]}, r"infos\['final_obs'\]\[0\] of dtype float32, got"),
    ],
)
def test_same_step_without_the_last_observations_is_named(scripted: Any, echo: Any, change: Any, found: str) -> None:
    env = changing_infos(scripted, change, autoreset_mode=AutoresetMode.SAME_STEP)
    with pytest.raises(
        EnvError, match=rf"The environment Scripted failed in step\(\) at step 1 of this rollout.*{found}"
    ):
        sample(env, echo)


def test_last_observations_in_the_array_of_the_first_ones_are_refused(scripted: Any, echo: Any) -> None:
    class Aliasing(SyncVectorEnv):
        def step(self, actions: Any) -> Any:
            obs, *others, _ = super().step(actions)
            return obs, *others, {"final_obs": obs}

    env = Aliasing([lambda: scripted(SCRIPT)] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    with pytest.raises(EnvError, match=r"infos\['final_obs'\]\[0\] and the observation of the next .* are one array"):
        sample(env, echo)


@pytest.mark.parametrize("declared", ["SAME_STEP", "often", 3, None, True])
def test_a_mode_that_does_not_exist_is_refused_with_those_that_do(scripted: Any, echo: Any, declared: Any) -> None:
    env = SyncVectorEnv([lambda: scripted(SCRIPT)])
    env.metadata["autoreset_mode"] = declared
    with pytest.raises(EnvError, match=r"The environment Scripted declares metadata\['autoreset_mode'\] = ") as error:
        sample(env, echo)
    assert repr(declared) in str(error.value)
    assert all(str(mode) in str(error.value) for mode in AutoresetMode)


def test_a_mode_may_be_given_by_its_value(scripted: Any, echo: Any) -> None:
    env = SyncVectorEnv([lambda: scripted(SCRIPT)], autoreset_mode=AutoresetMode.SAME_STEP)
    env.metadata["autoreset_mode"] = "SameStep"
    assert sample(env, echo).obs[:, 0, 0].tolist() == [0, 1, 10, 11, 12, 20, 21]


def test_no_mode_is_gymnasiums_default(scripted: Any, echo: Any) -> None:
    env = SyncVectorEnv([lambda: scripted(SCRIPT)])
    del env.metadata["autoreset_mode"]
    assert sample(env, echo).valid[:, 0].tolist() == [True, True, False, True, True, True]


def test_an_environment_that_declares_nothing_and_resets_in_the_same_step_is_found_out(
    scripted: Any, echo: Any
) -> None:
    env = SyncVectorEnv([lambda: scripted(SCRIPT)], autoreset_mode=AutoresetMode.SAME_STEP)
    del env.metadata["autoreset_mode"]
    with pytest.raises(EnvError, match=r"at step 1 of this rollout.*infos hold 'final_obs'.*declare .*SAME_STEP there"):
        sample(env, echo)


def test_so_is_one_that_declares_the_next_step(scripted: Any, echo: Any) -> None:
    script = [(2, "terminated"), (1, "terminated")]
    env = SyncVectorEnv(
        [lambda: scripted([(9, "terminated")]), lambda: scripted(script)], autoreset_mode=AutoresetMode.SAME_STEP
    )
    env.metadata["autoreset_mode"] = AutoresetMode.NEXT_STEP
    with pytest.raises(EnvError, match=r"at step 2 of this .*environment 1 ended an episode in the step that only res"):
        sample(env, echo)


def test_a_reset_of_some_that_resets_all_is_found_out(scripted: Any, echo: Any) -> None:
    class Careless(SyncVectorEnv):
        def reset(self, *, seed: Any = None, options: Any = None) -> Any:
            return super().reset(seed=seed)

    env = Careless(
        [lambda: scripted([(3, "truncated")]), lambda: scripted(SCRIPT)], autoreset_mode=AutoresetMode.DISABLED
    )
    expected = r"failed in reset\(\) after step 1 of this rollout: ValueError: environment 0 was reset too"
    with pytest.raises(EnvError, match=expected):
        sample(env, echo)
