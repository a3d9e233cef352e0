"""The kinds of spaces to compare libraries on, each with one network that both build."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete
from peers.drawn_env import DrawnEnv, DrawnMasksEnv, MaskMethodEnv
from peers.standard import STANDARD, Standard

MakeEnv = Callable[[], gym.Env[Any, Any]]


@dataclass(frozen=True)
class Family:
    """One job for all libraries.

    Attributes:
        name: in the tables.
        make_env: makes one environment as rlmodule takes it.
        make_peer_env: the same as stable-baselines3 takes it.
        model: rlmodule's settings of the network.
        peer_policy: stable-baselines3's name of the policy.
        peer_layers: its dense layers behind what it extracts from the observations, of actor and critic each.
        activation: of all layers.
        setting: of PPO.
        masked: whether actions are masked, for which sb3-contrib has an algorithm of its own.
        normalised: whether observations and rewards are normalised by running statistics.
    """

    name: str
    make_env: MakeEnv
    make_peer_env: MakeEnv
    model: Mapping[str, Any]
    peer_policy: str = "MlpPolicy"
    peer_layers: tuple[int, ...] = STANDARD.hidden
    activation: str = "tanh"
    setting: Standard = STANDARD
    masked: bool = False
    normalised: bool = False


_SMALL = {"fcnet_hiddens": list(STANDARD.hidden), "fcnet_activation": "tanh"}
_NATURE = [[32, 8, 4, "valid"], [64, 4, 2, "valid"], [64, 3, 1, "valid"]]
_IMAGES = replace(STANDARD, steps=32, epochs=2, minibatch=128)


def _dense(name: str, actions: gym.Space[Any], *, normalised: bool = False) -> Family:
    def make() -> gym.Env[Any, Any]:
        return DrawnEnv(_vector(16), actions)

    return Family(name, make, make, {**_SMALL, "normalize_observations": normalised}, normalised=normalised)


def _masked() -> Family:
    def make() -> gym.Env[Any, Any]:
        masked = Dict({"action_mask": MultiBinary(30), "observations": _vector(16)})
        return DrawnMasksEnv(masked, Discrete(30))

    return Family("masked Discrete(30)", make, lambda: MaskMethodEnv(make()), _SMALL, masked=True)


def _image() -> Family:
    def make() -> gym.Env[Any, Any]:
        return DrawnEnv(_pixels(84, 4), Discrete(6))

    model = {"conv_filters": _NATURE, "fcnet_hiddens": [512], "fcnet_activation": "relu", "vf_share_layers": True}
    return Family("image 84 x 84 x 4", make, make, model, "CnnPolicy", (), "relu", _IMAGES)


def _image_and_vector() -> Family:
    def make() -> gym.Env[Any, Any]:
        return DrawnEnv(Dict({"image": _pixels(36, 3), "vector": _vector(8)}), Discrete(6))

    model = {"conv_filters": _NATURE, "fcnet_hiddens": [256], "fcnet_activation": "relu", "vf_share_layers": True}
    return Family("image 36 x 36 x 3 and vector", make, make, model, "MultiInputPolicy", (256,), "relu", _IMAGES)


def _vector(size: int) -> Box:
    return Box(-1.0, 1.0, (size,), np.float32)


def _pixels(side: int, channels: int) -> Box:
    return Box(0, 255, (side, side, channels), np.uint8)


FAMILIES = {
    family.name: family
    for family in (
        _dense("Discrete(6)", Discrete(6)),
        _dense("Box(3), Gaussian", _vector(3)),
        _dense("Box(3), Gaussian, normalised", _vector(3), normalised=True),
        _dense("MultiDiscrete(3, 4, 5)", MultiDiscrete([3, 4, 5])),
        _dense("MultiBinary(6)", MultiBinary(6)),
        _masked(),
        _image_and_vector(),
        _image(),
    )
}
