"""Documents that were changed at random and signed again: refused by name, or the module loads and acts."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import (
    ActorCriticEncoderConfig,
    CheckpointError,
    DiagGaussian,
    MLPEncoderConfig,
    ModulePlans,
    Policy,
    RLModule,
    RLModuleConfig,
    RLModuleError,
)
from rlmodule_core.checkpoint.document import decode_document, encode_document
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule
from rlmodule_core.plans import Activation, Chain, Dense, FreeParameter, LayerNorm

Place = tuple[str | int, ...]

JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, 10**12, -(10**12), 10**30, 0.5, -0.0, 1e-320, 1e308),
    *("", "x", "x" * 1000, "a.b", "../x", "\0", "\ud800", "inf", "relu", "numpy", "float16", "object", "os:system"),
    *([], {}, [[]], ["a", "a"], {"": None}, {"type": None}, {"base64": ""}, {"base64": "AAAA"}),
    {"type": "Dense", "inputs": 8, "outputs": 1, "bias": True, "gain": 1.0},
    {"type": "Chain", "records": []},
    {"type": "Discrete", "n": 3, "start": 0, "dtype": "int64"},
    {"type": "Tuple", "spaces": []},
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,), hidden_layer_activation="tanh")
    encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=False).plan()
    pi, vf = Chain((Dense(8, 2), FreeParameter(2))), Chain((LayerNorm(8), Activation("relu"), Dense(8, 1)))
    plans = ModulePlans(encoder, pi, vf, *[DiagGaussian(2)] * 3)
    spaces = gym.spaces.Box(-np.arange(1, 5, dtype=np.float32), np.inf, (4,)), gym.spaces.Box(-2.0, 6.0, (2,))
    config = RLModuleConfig(*spaces, {"fcnet_hiddens": [8]}, plans=plans)
    return NumpyActorCriticRLModule(config).save_to_checkpoint(tmp_path)


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Where there is a value inside this one."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*here, key)
        yield from places(value[key], (*here, key))


def at(document: Any, place: Place) -> Any:
    for key in place:
        document = document[key]
    return document


def mutate(document: Any, rng: random.Random) -> None:
    """Change one value to something else: junk, another value of the document, one nearby, none."""
    there = list(places(document))
    place = rng.choice(there)
    parent, key = at(document, place[:-1]), place[-1]
    old, other = parent[key], copy.deepcopy(at(document, rng.choice(there)))
    match rng.choice(("junk", "copy", "near", "wrap", "drop", "more", "rename")):
        case "junk":
            parent[key] = copy.deepcopy(rng.choice(JUNK))
        case "copy":
            parent[key] = other
        case "near" if isinstance(old, int | float):
            parent[key] = old + rng.choice((-1, 1, 0.5))
        case "near" if isinstance(old, str | list):
            parent[key] = old[:-1]
        case "wrap":
            parent[key] = rng.choice(([old], {"x": old}, {"type": "Encoder", "net": old}))
        case "drop":
            del parent[key]
        case "more" if isinstance(parent, list):
            parent.insert(rng.randrange(len(parent)), other)
        case "more":
            parent[rng.choice(("x", "", "type", "shared", "same_as"))] = other
        case "rename" if isinstance(parent, dict):
            parent[rng.choice(("x", "", f"{key}.", "\ud800"))] = parent.pop(key)


def _policy(directory: Path) -> RLModule:
    return Policy.from_checkpoint(directory, framework="numpy").module


PLANS = ("rl_module", "modules", "default_policy", "config", "plans")
ACTOR = (*PLANS, "encoder", "actor")
NUMBERS = {"low": -1e308, "high": 1.0, "shape": [4], "dtype": "float32", "type": "Box"}
SPACE = (*PLANS[:-1], "observation_space")


# What the mutations below have found, one of each.
@pytest.mark.parametrize(
    ("place", "change", "named"),
    [
        ((*ACTOR, "net"), lambda net: {"type": "Encoder", "net": net}, "Encoder.net must be .* got Encoder"),
        (ACTOR, lambda encoder: encoder["net"], "ActorCritic.actor must be an encoder .* got Chain"),
        ((*PLANS, "encoder"), lambda encoder: encoder["actor"], "ModulePlans.encoder must .* got Encoder"),
        (
            (*PLANS, "vf"),
            lambda net: {"type": "Encoder", "net": net},
            "ModulePlans.vf must take latents, .* got Encoder",
        ),
        ((*PLANS, "vf", "records", 0, "eps"), lambda eps: -eps, "LayerNorm.eps must be a small number .* got -1e-05"),
        ((*PLANS, "vf", "records", 0, "eps"), lambda eps: 1e308, "LayerNorm.eps must be a small number .* got 1e.308"),
        (SPACE, lambda space: NUMBERS, "float32 values of shape .* 'low', got -1e.308"),
        (SPACE, lambda space: {**NUMBERS, "low": -1.0, "shape": [2**15, 2**15]}, "float32 values of shape .* 'low'"),
    ],
)
def test_what_mutations_have_found_is_refused_by_name(
    saved: Path, place: Place, change: Callable[[Any], Any], named: str
) -> None:
    document = decode_document((saved / "rl_module.json").read_bytes(), "here")
    del document["digest"]
    parent = at(document, place[:-1])
    parent[place[-1]] = change(parent[place[-1]])
    (saved / "rl_module.json").write_bytes(encode_document(document))
    with pytest.raises(CheckpointError, match=named):
        RLModule.from_checkpoint(saved)


# A value that is too large for a float32 is only worth a warning of numpy's.
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("load", [RLModule.from_checkpoint, _policy], ids=["RLModule", "Policy"])
def test_a_forged_document_is_refused_by_name_or_gives_a_module_that_acts(
    saved: Path, load: Callable[[Path], RLModule]
) -> None:
    path, rng, loaded, refused = saved / "rl_module.json", random.Random(0), 0, set()
    whole = decode_document(path.read_bytes(), "here")
    del whole["digest"]
    for _ in range(600):
        document = copy.deepcopy(whole)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            mutate(document, rng)
        path.write_bytes(encode_document(document))
        try:
            module = load(saved)
            policy = Policy(module)
            policy.compute_single_action(module.config.observation_space.sample())
            loaded += 1
        except RLModuleError as error:
            refused.add(str(error)[:40])
    assert loaded > 30
    assert len(refused) > 30, "many reasons, or the mutations are of one kind"
