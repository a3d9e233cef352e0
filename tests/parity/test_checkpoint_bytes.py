"""Whatever framework a portable module ran in, its checkpoint has the same bytes, and any framework goes on from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlmodule_algorithms import Algorithm, PPOConfig
from rlmodule_catalogs import PPOCatalog
from rlmodule_core import ActorCriticRLModule, Policy, RLModule, SingleAgentRLModuleSpec
from rlmodule_core.backend import default_backend_name
from rlmodule_core.checkpoint import load_modules
from rlmodule_core.testing.backend_exam import can_train, installed_backends
from rlmodule_core.testing.random_weights import random_like
from rlmodule_marl import MultiAgentRLModule

S = gym.spaces
VECTOR, CHOICE, TARGET = S.Box(-np.inf, np.inf, (4,)), S.Discrete(3, start=1), S.Box(-2.0, 6.0, (2,))
PARTS = S.Dict({"go": S.Tuple([S.Discrete(3), S.MultiBinary(2)]), "aim": S.Box(-1.0, 1.0, (2,))})
NESTED = S.Dict(
    {
        "action_mask": S.Dict({"go": S.Tuple([S.MultiBinary(3), S.MultiBinary((2, 2))])}),
        "frame.1": S.Box(0, 255, (12, 12, 3), np.uint8),
        "pair": S.Tuple([S.MultiDiscrete([2, 3]), S.Box(-1.0, 1.0, ())]),
    }
)
PREVIOUS = {"lstm_use_prev_action": True, "lstm_use_prev_reward": True}
ATTENTION = {"use_attention": True, "attention_dim": 8, "attention_use_n_prev_actions": 1}

CASES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "one encoder": (VECTOR, CHOICE, {"vf_share_layers": True}),
    "two encoders": (VECTOR, CHOICE, {"vf_share_layers": False, "fcnet_use_layernorm": True}),
    "image": (S.Box(0, 255, (12, 12, 3), np.uint8), CHOICE, {"conv_use_layernorm": True}),
    "nested and masked": (NESTED, PARTS, {}),
    "lstm": (VECTOR, CHOICE, {"use_lstm": True, "lstm_cell_size": 8, **PREVIOUS}),
    "lstm of two encoders": (VECTOR, TARGET, {"use_lstm": True, "lstm_num_layers": 2, "vf_share_layers": False}),
    "gru": (VECTOR, PARTS, {"use_gru": True, "lstm_cell_size": 8, **PREVIOUS}),
    "attention": (VECTOR, CHOICE, ATTENTION),
    "normalised": (VECTOR, CHOICE, {"normalize_observations": True}),
    "normalised parts": (NESTED["pair"], CHOICE, {"normalize_observations": True, "vf_share_layers": False}),
    "gaussian": (VECTOR, TARGET, {}),
    "free log std": (VECTOR, TARGET, {"free_log_std": True}),
    "squashed": (VECTOR, TARGET, {"squash_actions": True}),
    "multi-discrete": (S.Discrete(5, start=2), S.MultiDiscrete([2, 3]), {}),
    "multi-binary": (S.MultiBinary(3), S.MultiBinary((2, 2)), {}),
}
FRAMEWORKS = installed_backends(ActorCriticRLModule.architecture)
EACH_CASE, EACH_FRAMEWORK = pytest.mark.parametrize("case", CASES), pytest.mark.parametrize("framework", FRAMEWORKS)
TRAINING = pytest.mark.parametrize("framework", list(filter(can_train, FRAMEWORKS)))


def made(case: str, framework: str, *, catalog: Any = "ppo") -> RLModule:
    """The module that the catalog builds natively in this framework, with the same random weights in each."""
    observations, actions, model = CASES[case]
    settings = {"fcnet_hiddens": [8], **model}
    module = SingleAgentRLModuleSpec(ActorCriticRLModule, observations, actions, settings, catalog).build(
        framework=framework
    )
    module.set_state(random_like(module.get_state(), 1))
    return module


def container(framework: str, *, twice: bool) -> MultiAgentRLModule:
    """Modules of several families; or one of them under two ids."""
    modules = MultiAgentRLModule()
    for module_id, case in (("red.1", "one encoder"), ("blue", "lstm"), ("judge", "nested and masked")):
        modules.add_module(module_id, made(case, framework))
    if twice:
        modules.add_module("also-blue", modules["blue"])
    return modules


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def saved(module: Any, directory: Path) -> dict[str, bytes]:
    return files(module.save_to_checkpoint(directory))


@EACH_CASE
@EACH_FRAMEWORK
def test_modules_that_frameworks_built_for_themselves_are_saved_as_the_same_bytes(
    case: str, framework: str, tmp_path: Path
):
    module = made(case, framework)
    assert module.non_portable_part() is None
    assert module.framework == framework
    expected, found = saved(made(case, "numpy"), tmp_path / "numpy"), saved(module, tmp_path / "native")
    assert len(expected) == 2
    assert found == expected


@EACH_CASE
@EACH_FRAMEWORK
def test_a_module_and_its_twins_are_saved_as_the_same_bytes(case: str, framework: str, tmp_path: Path):
    module = made(case, framework)
    expected = saved(module, tmp_path / "original")
    for other in FRAMEWORKS:
        assert saved(module.to_framework(other), tmp_path / other) == expected, other


@EACH_CASE
@EACH_FRAMEWORK
def test_what_any_framework_loads_it_saves_again_as_the_same_bytes(case: str, framework: str, tmp_path: Path):
    expected = saved(made(case, "numpy"), tmp_path / "first")
    loaded = Policy.from_checkpoint(tmp_path / "first", framework=framework).module
    assert loaded.framework == framework
    assert saved(loaded, tmp_path / "second") == expected


def config(framework: str) -> PPOConfig:
    model = {"fcnet_hiddens": [8], "normalize_observations": True, "use_lstm": True, "lstm_cell_size": 8}
    small = PPOConfig().environment("CartPole-v1").framework(framework).debugging(seed=0)
    return small.training(train_batch_size=64, minibatch_size=32, num_epochs=1, model=model)


@TRAINING
def test_a_module_that_was_trained_and_its_twin_are_saved_as_the_same_bytes(framework: str, build: Any, tmp_path: Path):
    algorithm = build(config(framework))
    algorithm.train()
    module = algorithm.get_module()
    assert saved(module, tmp_path / "native") == saved(module.to_framework("numpy"), tmp_path / "numpy")


@TRAINING
def test_an_algorithm_goes_on_in_its_framework_or_in_that_of_a_given_config(framework: str, build: Any, tmp_path: Path):
    algorithm = build(config(framework))
    algorithm.train()
    algorithm.save(tmp_path)
    weights = algorithm.get_module().get_state()
    for given, expected in ((None, framework), *((config(other), other) for other in filter(can_train, FRAMEWORKS))):
        resumed = Algorithm.from_checkpoint(tmp_path, config=given)
        try:
            module = resumed.get_module()
            assert module.framework == expected
            for name, array in module.get_state().items():
                np.testing.assert_array_equal(array, weights[name], strict=True)
            resumed.train()
        finally:
            resumed.stop()


@EACH_FRAMEWORK
def test_a_catalog_that_was_given_as_a_class_is_named_by_every_twin(framework: str, tmp_path: Path):
    module = made("one encoder", framework, catalog=PPOCatalog)
    expected = saved(module, tmp_path / "original")
    assert b"PPOCatalog" in expected["rl_module.json"]
    for other in FRAMEWORKS:
        assert saved(module.to_framework(other), tmp_path / other) == expected, other


@EACH_FRAMEWORK
@pytest.mark.parametrize("twice", [False, True], ids=["shares nothing", "one module under two ids"])
def test_a_container_is_saved_as_the_same_bytes(framework: str, twice: bool, tmp_path: Path):
    expected = saved(container("numpy", twice=twice), tmp_path / "numpy")
    assert len(expected) == 4
    assert saved(container(framework, twice=twice), tmp_path / "native") == expected
    loaded = MultiAgentRLModule.from_checkpoint(tmp_path / "native")
    assert loaded.framework == default_backend_name()
    assert twice == (loaded.get("also-blue", None) is loaded["blue"])
    assert saved(loaded, tmp_path / "again") == expected


@EACH_FRAMEWORK
def test_nothing_in_the_document_names_a_framework(framework: str, tmp_path: Path):
    document = json.loads(saved(made("one encoder", framework), tmp_path)["rl_module.json"])["rl_module"]
    assert document["modules"]["default_policy"]["framework"] is None
    assert document["versions"].keys() == {"numpy", "rlmodule-catalogs", "rlmodule-core"}


def test_a_module_that_is_tied_to_its_framework_says_to_which(tmp_path: Path):
    module: Any = made("one encoder", "torch")
    module.vf = torch.nn.Sequential(module.vf)
    document = json.loads(saved(module, tmp_path)["rl_module.json"])["rl_module"]
    assert document["modules"]["default_policy"]["framework"] == "torch"
    assert document["versions"].keys() == {"numpy", "rlmodule-catalogs", "rlmodule-core", "rlmodule-torch"}


def test_where_nobody_names_a_framework_the_default_one_loads(tmp_path: Path):
    made("one encoder", "numpy").save_to_checkpoint(tmp_path)
    default = default_backend_name()
    for loaded in (RLModule.from_checkpoint(tmp_path), Policy.from_checkpoint(tmp_path).module):
        assert loaded.framework == default
    assert [loaded.framework for loaded in load_modules(tmp_path).values()] == [default]
