from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.evaluation import evaluate_policy
from rlmodule_algorithms.sampling.environments import make_vector_env
from rlmodule_algorithms.sampling.lockstep import LockstepVectorEnv
from rlmodule_algorithms.sampling.rollout import Rollout
from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_algorithms.sampling.train_batch import actor_critic_batch, transitions
from rlmodule_core import NotANumberError, Policy, RLModuleConfig, SpecCheckingError, get_backend
from rlmodule_core.numpy_backend import NumpyRLModule
from rlmodule_core.spaces import leaves_of

OBS = gym.spaces.Dict(
    {
        "vector": gym.spaces.Box(-np.inf, np.inf, (2,)),
        "deep": gym.spaces.Tuple(
            [
                gym.spaces.Dict({"image": gym.spaces.Box(0, 255, (2, 1), np.uint8)}),
                gym.spaces.MultiDiscrete([200, 3], start=[0, 1]),
                gym.spaces.MultiBinary(2),
            ]
        ),
    }
)
ACTIONS = gym.spaces.Dict(
    {
        "move": gym.spaces.Tuple([gym.spaces.Discrete(3, start=1), gym.spaces.MultiBinary(2)]),
        "push": gym.spaces.Box(-2.0, 2.0, (1,)),
    }
)
SCRIPT = [(2, "terminated"), (3, "truncated")]
MODES = list(AutoresetMode)


def observed(value: float) -> Any:
    """The nested observation that says `value`, in every leaf."""
    whole = 0 if np.isnan(value) else int(value)
    image = np.full((2, 1), whole, np.uint8)
    counted, bits = np.array([whole, 1 + whole % 3]), np.array([whole % 2, whole // 10 % 2], np.int8)
    return {"vector": np.array([value, -value], np.float32), "deep": ({"image": image}, counted, bits)}


class Oracle(NumpyRLModule):
    """Chooses by the image; a state is worth what its vector says."""

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        obs = batch["obs"]
        assert obs["deep"]["0"]["image"].dtype == np.uint8
        assert np.array_equal(obs["deep"]["1"][:, 0], obs["vector"][:, 0])
        return {"vf_preds": obs["vector"][:, 0]}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        said = batch["obs"]["deep"]["0"]["image"][:, 0, 0].astype(np.int64)
        move = {"0": 1 + said % 3, "1": np.stack([said % 2, said % 2], axis=1)}
        return {"actions": {"move": move, "push": said[:, None] * 0.25}, "aside": {"dropped": said}}

    _forward_inference = _forward_exploration


@pytest.fixture
def nested(scripted: Any) -> type[Any]:
    class Nested(scripted):
        """Says what `Scripted` says, and takes only actions of its space."""

        observation_space, action_space = OBS, ACTIONS
        change: Callable[[int, Any], Any] = staticmethod(lambda total, obs: obs)  # type: ignore[assignment]

        def step(self, action: Any) -> Any:
            assert self.action_space.contains(action), action
            return super().step(action)

        def _observed(self, value: float) -> Any:
            fresh = observed(value)
            if self.reuse:
                if self.total == self.episode == 0:
                    self.kept = fresh
                for kept, leaf in zip(arrays_of(self.kept), arrays_of(fresh), strict=True):
                    kept[...] = leaf
                fresh = self.kept
            return self.change(self.total, fresh)

    return Nested


def arrays_of(value: Any) -> list[Any]:
    if isinstance(value, dict | tuple):
        return [leaf for part in (value.values() if isinstance(value, dict) else value) for leaf in arrays_of(part)]
    return [value]


def runner(env: Any, length: int = 6) -> Runner:
    module = Oracle(RLModuleConfig(env.single_observation_space, env.single_action_space))
    return Runner(env, module, rng=get_backend("numpy").rng(0), fragment_length=length, seed=0)


def factories(env_class: Any, **settings: Any) -> list[Any]:
    scripts = SCRIPT, [(4, "truncated"), (1, "terminated")]
    return [lambda script=script: env_class(script, **settings) for script in scripts]


def plain(scripted: Any, echo: Any, mode: AutoresetMode, length: int) -> Rollout:
    """The rollout of the environments that say the same in a single array."""
    env = SyncVectorEnv(factories(scripted), autoreset_mode=mode)
    return Runner(env, echo(env), rng=get_backend("numpy").rng(0), fragment_length=length, seed=0).sample()


def expected_of(values: np.ndarray) -> list[Any]:
    """The leaves of the observations that say `values [...]`, in the order of the space."""
    rows = [arrays_of({key: observed(value)[key] for key in OBS.spaces}) for value in values.ravel().tolist()]
    return [np.stack(leaf).reshape(*values.shape, *leaf[0].shape) for leaf in zip(*rows, strict=True)]


def assert_says(obs: Any, values: np.ndarray) -> None:
    for leaf, expected in zip(leaves_of(obs), expected_of(values), strict=True):
        np.testing.assert_array_equal(leaf, expected)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("length", [1, 7])
def test_a_nested_rollout_says_what_the_single_array_says(
    scripted: Any, nested: Any, echo: Any, mode: AutoresetMode, length: int
) -> None:
    expected = plain(scripted, echo, mode, length)
    for vector_env in (SyncVectorEnv(factories(nested), copy=False, autoreset_mode=mode), None):
        env = LockstepVectorEnv(factories(nested)) if vector_env is None else vector_env
        if vector_env is None and mode is not AutoresetMode.DISABLED:
            continue
        rollout = runner(env, length).sample()
        assert_says(rollout.obs, expected.obs[..., 0])
        assert rollout.last_steps == expected.last_steps
        for found, last in zip(rollout.last_obs, expected.last_obs, strict=True):
            assert_says(found, last[0])
        assert np.array_equal(rollout.valid, expected.valid)
        assert [leaf.dtype for leaf in leaves_of(rollout.obs)] == [np.uint8, np.int64, np.int64, np.float32]
        assert all(leaf.flags["C_CONTIGUOUS"] and leaf.shape[:2] == (length + 1, 2) for leaf in leaves_of(rollout.obs))


def test_nested_actions_are_stored_by_leaf_and_reach_the_environment_in_its_form(nested: Any) -> None:
    env = make_vector_env(nested, {"script": SCRIPT}, 2)
    rollout = runner(env).sample()
    stored, said = rollout.outputs["actions"], rollout.obs["deep"]["0"]["image"][:-1, :, 0, 0]
    assert rollout.outputs.keys() == {"actions"}
    assert np.array_equal(stored["move"]["0"], 1 + said % 3)
    assert np.array_equal(stored["push"][..., 0], said * 0.25)
    taken = env.envs[1].actions  # type: ignore[attr-defined]
    assert [action["move"][0] for action in taken] == stored["move"]["0"][:, 1].tolist()
    assert [action["push"].tolist() for action in taken] == np.clip(2.0 * stored["push"][:, 1], -2, 2).tolist()


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_environments_that_reuse_their_arrays_give_the_same_rollout(nested: Any, mode: AutoresetMode) -> None:
    def sampled(reuse: bool) -> Rollout:
        env = SyncVectorEnv(factories(nested, reuse=reuse), autoreset_mode=mode)
        return runner(make_vector_env(lambda _: env, None, 2)).sample()

    fresh, reused = sampled(False), sampled(True)
    assert len(fresh.last_obs) == len(reused.last_obs)
    for one, other in zip([fresh.obs, *fresh.last_obs], [reused.obs, *reused.last_obs], strict=True):
        assert all(map(np.array_equal, leaves_of(one), leaves_of(other)))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_environments_in_processes_of_their_own_give_the_same_rollout(
    scripted: Any, nested: Any, echo: Any, mode: AutoresetMode
) -> None:
    env = AsyncVectorEnv(factories(nested), autoreset_mode=mode, context="fork")
    sampling = runner(env)
    try:
        assert_says(sampling.sample().obs, plain(scripted, echo, mode, 6).obs[..., 0])
    finally:
        sampling.close()


def test_last_observations_may_be_given_leaf_by_leaf(nested: Any) -> None:
    class ByLeaf(SyncVectorEnv):
        def step(self, actions: Any) -> Any:
            obs, rewards, terminated, truncated, infos = super().step(actions)
            rows = infos.get("final_obs")
            if rows is not None:
                full = [observed(0.0) if row is None else row for row in rows]
                deep = [[row["deep"][i] for row in full] for i in range(3)]
                images = {"image": np.stack([part["image"] for part in deep[0]])}
                infos["final_obs"] = {
                    "vector": np.stack([row["vector"] for row in full]),
                    "deep": (images, np.stack(deep[1]), np.stack(deep[2])),
                }
            return obs, rewards, terminated, truncated, infos

    one, other = (
        runner(made(factories(nested), autoreset_mode=AutoresetMode.SAME_STEP)).sample()
        for made in (SyncVectorEnv, ByLeaf)
    )
    assert len(one.last_obs) == len(other.last_obs) > 0
    for row, same in zip(one.last_obs, other.last_obs, strict=True):
        assert all(map(np.array_equal, leaves_of(row), leaves_of(same)))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_the_columns_to_learn_from_are_nested_as_the_spaces_are(
    scripted: Any, nested: Any, echo: Any, mode: AutoresetMode
) -> None:
    rollout = runner(SyncVectorEnv(factories(nested), autoreset_mode=mode)).sample()
    single = plain(scripted, echo, mode, 6)
    found, expected = transitions(rollout), transitions(single)
    for name in ("obs", "new_obs"):
        assert_says(found[name], expected[name][:, 0])
    assert found["actions"]["push"].shape == (len(found["rewards"]), 1)
    module = Oracle(RLModuleConfig(OBS, ACTIONS))
    columns, _ = actor_critic_batch(rollout, module, gamma=0.9, lambda_=0.8)
    wanted, _ = actor_critic_batch(single, echo(SyncVectorEnv(factories(scripted))), gamma=0.9, lambda_=0.8)
    assert np.array_equal(columns["value_targets"], wanted["value_targets"])
    assert_says(columns["obs"], wanted["obs"][:, 0])


def changed(path: tuple[Any, ...], value: Any) -> Callable[[int, Any], Any]:
    """Puts `value` at `path` of the second step's observation."""

    def put(obs: Any, path: tuple[Any, ...]) -> Any:
        if not path:
            return value
        if isinstance(obs, tuple):
            return tuple(put(part, path[1:]) if i == path[0] else part for i, part in enumerate(obs))
        return {**obs, path[0]: put(obs.get(path[0]), path[1:])}

    return lambda total, obs: put(obs, path) if total == 2 else obs


FAULTS: list[tuple[tuple[Any, ...], Any, type[Exception], str]] = [
    (("vector",), np.array([0, np.nan], np.float32), NotANumberError, r"an observation\.vector that is not finite"),
    (("deep", 1), np.array([3, 4]), EnvError, r"an observation\.deep\.1 that is not in MultiDiscrete"),
    (("deep", 2), np.array([0, 2], np.int8), EnvError, r"an observation\.deep\.2 that is not in MultiBinary\(2\)"),
    (("deep", 0, "image"), np.zeros((1, 1), np.uint8), EnvError, r"observation\.deep\.0\.image of shape \(2, 1\), got"),
    (("deep", 0, "image"), np.zeros((2, 1)), EnvError, r"an observation\.deep\.0\.image of dtype uint8, got"),
    (("deep", 0), {}, EnvError, r"an observation\.deep\.0 to be a dict with the keys \['image'\], got one with the k"),
    (("deep", 0), 3, EnvError, r"an observation\.deep\.0 to be a dict with the keys \['image'\], got int"),
    (("other",), 3, EnvError, r"to be a dict with the keys \['deep', 'vector'\], got one with the keys .*'other'"),
    (("deep",), (1, 2), EnvError, r"an observation\.deep to be a tuple of 3, got one of 2"),
    (("deep",), np.array(3), EnvError, r"an observation\.deep to be a tuple of 3, got ndarray"),
]


@pytest.mark.parametrize(("path", "value", "error", "said"), FAULTS, ids=lambda part: str(part)[:24])
def test_a_leaf_that_the_space_does_not_allow_is_named_by_its_path(
    nested: Any, path: Any, value: Any, error: type[Exception], said: str
) -> None:
    nested.change = staticmethod(changed(path, value))
    with pytest.raises(error, match=said) as caught:
        runner(make_vector_env(nested, {"script": SCRIPT}, 2)).sample()
    assert "Environment 0 (Nested)" in str(caught.value)
    policy = Policy(Oracle(RLModuleConfig(OBS, ACTIONS)))
    with pytest.raises(error, match=said):
        evaluate_policy(policy, lambda: nested(SCRIPT), episodes=2, seed=0)
    one = make_vector_env(lambda _: SyncVectorEnv([lambda: nested(SCRIPT)] * 2), None, 2)
    with pytest.raises(error, match=said):
        runner(one).sample()


def test_a_last_observation_that_is_not_finite_is_named_by_its_path(nested: Any) -> None:
    sick = {"vector": np.array([np.inf, 0], np.float32)}
    nested.change = staticmethod(lambda total, obs: {**obs, **sick} if obs["vector"][0] == 2 else obs)
    env = make_vector_env(nested, {"script": [(2, "truncated")]}, 2)
    with pytest.raises(NotANumberError, match=r"an observation\.vector that is not finite at step 1 of this rollout"):
        runner(env).sample()


def test_last_observations_in_arrays_of_the_first_ones_are_refused_by_their_path(nested: Any) -> None:
    class Sharing(SyncVectorEnv):
        def step(self, actions: Any) -> Any:
            obs, rewards, terminated, truncated, infos = super().step(actions)
            if "final_obs" in infos:
                for b in np.flatnonzero(terminated | truncated):
                    infos["final_obs"][b] = {**infos["final_obs"][b], "vector": obs["vector"][b]}
            return obs, rewards, terminated, truncated, infos

    env = Sharing(factories(nested), autoreset_mode=AutoresetMode.SAME_STEP)
    with pytest.raises(EnvError, match=r"infos\['final_obs'\]\[0\]\.vector and the observation of the next"):
        runner(env).sample()


def test_a_reset_that_changes_a_leaf_of_others_is_refused(nested: Any) -> None:
    class Careless(LockstepVectorEnv):
        def reset(self, **settings: Any) -> Any:
            obs, infos = super().reset(**settings)
            if settings.get("options"):
                obs["deep"][1][1] += 1
            return obs, infos

    with pytest.raises(EnvError, match="environment 1 was reset too"):
        runner(Careless(factories(nested))).sample()


def test_an_action_part_that_changes_its_shape_on_the_way_is_named() -> None:
    rollout = Rollout.empty(2, 2, np.zeros((3, 2, 1)))
    rollout.record(0, {"actions": {"a": np.zeros((2, 1))}}, module="Growing")
    said = r"'actions\.a' .* expected \(2, 1\) as at the first step, got"
    for later, found in (({"a": np.zeros((2, 2))}, r" \(2, 2\)"), ({}, " None")):
        with pytest.raises(SpecCheckingError, match=said + found):
            rollout.record(1, {"actions": later}, module="Growing")


def test_whole_episodes_are_evaluated_with_nested_observations_and_actions(nested: Any) -> None:
    made: list[Any] = []

    def make() -> Any:
        made.append(nested(SCRIPT, reuse=True))
        return made[-1]

    policy = Policy(Oracle(RLModuleConfig(OBS, ACTIONS)))
    assert evaluate_policy(policy, make, episodes=3, seed=0)["episode_lengths"] == [2, 2, 2]
    assert [action["move"][0] for action in made[0].actions] == [1, 2]


def test_observations_and_actions_that_are_several_counted_numbers_are_single_arrays(scripted: Any) -> None:
    class Counted(scripted):
        observation_space = gym.spaces.MultiDiscrete([[100, 100]], start=[[0, 0]])
        action_space = gym.spaces.MultiDiscrete([3, 4], start=[1, 2], dtype=np.int32)

        def step(self, action: Any) -> Any:
            assert self.action_space.contains(action)
            assert action.dtype == np.int32
            return super().step(action)

        def _observed(self, value: float) -> Any:
            return np.array([[int(value), 100 if value == 11 else 0]])

    class Choosing(NumpyRLModule):
        def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"actions": np.array([[3, 5]] * len(batch["obs"]))}

        _forward_exploration = _forward_inference = _forward_train

    env = make_vector_env(Counted, {"script": SCRIPT}, 2)
    module = Choosing(RLModuleConfig(env.single_observation_space, env.single_action_space))
    sampling = Runner(env, module, rng=get_backend("numpy").rng(0), fragment_length=2, seed=0)
    assert sampling.sample().obs[..., 0, 0].tolist() == [[0, 0], [1, 1], [10, 10]]
    with pytest.raises(EnvError, match=r"an observation that is not in MultiDiscrete.* at step 0"):
        sampling.sample()
