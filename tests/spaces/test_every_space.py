"""Any spaces, nested to any depth: the default module acts, learns, is stored and served."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from hypothesis import given, settings
from hypothesis import strategies as st
from parity_families import TRAINING

from rlmodule_algorithms import PPOConfig
from rlmodule_core.spaces import leaf_spaces, sub_spaces

# Gymnasium hands the actions of 0-D boxes out as scalars and then warns of them.
pytestmark = pytest.mark.filterwarnings("ignore:.*Casting input x to numpy array")

_KEYS = st.text(st.sampled_from("ab.%_ 0"), min_size=1, max_size=3)
_SMALL = {"fcnet_hiddens": [6], "conv_activation": "tanh"}
_MODELS = st.fixed_dictionaries(
    {
        **{key: st.just(value) for key, value in _SMALL.items()},
        "fcnet_use_layernorm": st.booleans(),
        "vf_share_layers": st.booleans(),
        "normalize_actions": st.booleans(),
        "squash_actions": st.booleans(),
        "normalize_observations": st.booleans(),
    }
)


def _nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Spaces of these leaves, up to three levels deep."""
    spaces = leaves
    for _ in range(2):
        parts = st.lists(spaces, min_size=1, max_size=2)
        spaces = st.one_of(
            leaves, st.dictionaries(_KEYS, spaces, min_size=1, max_size=2).map(gym.spaces.Dict), parts.map(_tuple)
        )
    return spaces


def _tuple(parts: list[Any]) -> gym.spaces.Tuple:
    return gym.spaces.Tuple(tuple(parts))


def _shapes(most: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(1, 5), max_size=most).map(tuple)


def _multi_discrete(sizes: list[int], start: int, rank: int) -> gym.spaces.MultiDiscrete:
    nvec = np.array(sizes).reshape(*[1] * rank, -1)
    return gym.spaces.MultiDiscrete(nvec, start=start + np.arange(nvec.size).reshape(nvec.shape))


def _half_bounded(shape: tuple[int, ...]) -> gym.spaces.Box:
    return gym.spaces.Box(np.full(shape, -1.5, np.float32), np.full(shape, np.inf, np.float32))


_COUNTED = st.one_of(
    st.builds(lambda n, start: gym.spaces.Discrete(n, start=start), st.integers(1, 4), st.integers(-3, 3)),
    st.builds(
        _multi_discrete, st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(-2, 2), st.integers(0, 2)
    ),
    st.lists(st.integers(1, 3), min_size=1, max_size=2).map(gym.spaces.MultiBinary),
)
_OBSERVATIONS = _nested(
    st.one_of(
        st.builds(
            lambda shape, dtype: gym.spaces.Box(0, 100, shape, dtype),
            _shapes(4),
            st.sampled_from([np.float32, np.uint8, np.int8, np.int64]),
        ),
        _shapes(3).map(lambda shape: gym.spaces.Box(-np.inf, np.inf, shape)),
        _COUNTED,
    )
)
_ACTIONS = _nested(
    st.one_of(
        st.builds(
            lambda shape, dtype: gym.spaces.Box(-2.5, 0.3, shape, dtype),
            _shapes(3),
            st.sampled_from([np.float32, np.float64]),
        ),
        _shapes(2).map(lambda shape: gym.spaces.Box(-np.inf, np.inf, shape)),
        _shapes(2).map(_half_bounded),
        _COUNTED,
    )
)


def _mask_space(actions: gym.Space[Any], flags: Callable[..., gym.Space[Any]]) -> gym.Space[Any] | None:
    """The space of masks of these actions; None where there is nothing to mask."""
    if isinstance(actions, gym.spaces.Discrete):
        return flags((int(actions.n),))
    if isinstance(actions, gym.spaces.MultiDiscrete):
        return flags((int(actions.nvec.sum()),))
    if isinstance(actions, gym.spaces.MultiBinary):
        return flags((*actions.shape, 2))
    parts = {key: _mask_space(part, flags) for key, part in sub_spaces(actions).items()}
    return gym.spaces.Dict(masked) if (masked := {key: mask for key, mask in parts.items() if mask}) else None


def _masked(pair: tuple[Any, Any, Any]) -> tuple[gym.Space[Any], gym.Space[Any]]:
    observations, actions, flags = pair
    mask = None if flags is None else _mask_space(actions, flags)
    return observations if mask is None else gym.spaces.Dict(action_mask=mask, rest=observations), actions


_FLAGS = st.sampled_from([None, gym.spaces.MultiBinary, lambda shape: gym.spaces.Box(0, 1, shape, np.uint8)])
# An observation space and an action space; the one may hold masks of the other.
_PAIRS = st.tuples(_OBSERVATIONS, _ACTIONS, _FLAGS).map(_masked)


def _can_be_normalised(space: gym.Space[Any]) -> bool:
    leaves = [leaf for path, leaf in leaf_spaces(space) if path[:1] != ("action_mask",)]
    return any(isinstance(leaf, gym.spaces.Box) and leaf.dtype.kind == "f" and len(leaf.shape) < 3 for leaf in leaves)


def _can_be_squashed(space: gym.Space[Any]) -> bool:
    boxes = [leaf for _, leaf in leaf_spaces(space) if isinstance(leaf, gym.spaces.Box)]
    return bool(boxes) and all(box.is_bounded() for box in boxes)


class Drawn(gym.Env[Any, Any]):
    """Episodes of three steps, whose observations are drawn and whose actions are checked."""

    def __init__(self, spaces: tuple[gym.Space[Any], gym.Space[Any]], allow: Callable[..., None]) -> None:
        self.observation_space, self.action_space = spaces
        self._allow = allow

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.observation_space.seed(int(self.np_random.integers(1000)))
        self.action_space.seed(int(self.np_random.integers(1000)))
        self.steps = 0
        return self.observed(), {}

    def observed(self) -> Any:
        obs = self.observation_space.sample()
        self.mask = obs["action_mask"] if isinstance(obs, dict) and "action_mask" in obs else {}
        self._allow(self.action_space, self.mask, self.action_space.sample())
        return obs

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if not self.action_space.contains(action):
            raise ValueError(f"{action!r} is not in {self.action_space}")
        before = deepcopy(self.mask)
        self._allow(self.action_space, self.mask, action)
        if not data_equivalence(before, self.mask):
            raise ValueError(f"{action!r} is illegal by {before!r}")
        self.steps += 1
        return self.observed(), float(self.np_random.normal()), self.steps == 3, False, {}


@given(_PAIRS, _MODELS)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_default_module_of_any_spaces_passes(
    pass_the_exam: Callable[..., None], spaces: tuple[Any, Any], model: dict[str, Any]
) -> None:
    observation_space, action_space = spaces
    squashed = model["squash_actions"] and _can_be_squashed(action_space)
    normalised = model["normalize_observations"] and _can_be_normalised(observation_space)
    fitting = {"squash_actions": squashed, "normalize_observations": normalised}
    pass_the_exam(observation_space, action_space, {**model, **fitting})


@given(_PAIRS)
@settings(max_examples=10, deadline=None, derandomize=True)
@pytest.mark.parametrize("framework", TRAINING)
def test_ppo_trains_and_acts_in_any_spaces(framework: str, allow: Callable[..., None], spaces: tuple[Any, Any]) -> None:
    config = (
        PPOConfig()
        .environment(lambda env_config: Drawn(spaces, allow))
        .framework(framework)
        .env_runners(num_envs_per_env_runner=2)
        .training(train_batch_size=16, minibatch_size=8, num_epochs=1, model=_SMALL)
        .debugging(seed=0)
    )
    algorithm = config.build()
    try:
        result = algorithm.train()
        assert result["env_runners"]["num_env_steps_sampled_lifetime"] == 16
        assert all(np.isfinite(value) for value in result["learners"]["default_policy"].values())
        action, _, _ = algorithm.compute_single_action(Drawn(spaces, allow).observed())
        assert spaces[1].contains(action), action
    finally:
        algorithm.stop()
