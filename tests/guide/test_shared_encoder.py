"""The guide: a multi-agent module whose agents share an encoder, written, trained, saved and loaded by a user."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from own_layers import gradients

from rlmodule_core import (
    CheckpointError,
    Policy,
    RLModule,
    SingleAgentRLModuleSpec,
    SpecCheckingError,
    compute_actions,
    get_backend,
)
from rlmodule_core.checkpoint import read_checkpoint
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleSpec

LOCAL_DIMS = {"local_2d": 2, "local_5d": 5}
ACTIONS = {"local_2d": 2, "local_5d": 4}


@pytest.fixture
def spec(user: ModuleType) -> MultiAgentRLModuleSpec:
    return MultiAgentRLModuleSpec(
        marl_module_class=user.BCMultiAgentModuleWithSharedEncoder,
        module_specs={
            module_id: SingleAgentRLModuleSpec(
                module_class=user.BCModuleWithSharedGlobalEncoder,
                observation_space=gym.spaces.Dict(
                    {"global": gym.spaces.Box(-1, 1, (3,)), "local": gym.spaces.Box(-1, 1, (LOCAL_DIMS[module_id],))}
                ),
                action_space=gym.spaces.Discrete(actions),
                model_config_dict={"fcnet_hiddens": [16]},
            )
            for module_id, actions in ACTIONS.items()
        },
    )


@pytest.fixture
def shared(spec: MultiAgentRLModuleSpec, framework: str) -> MultiAgentRLModule:
    with get_backend(framework).initialising(0):
        return spec.build()


@pytest.fixture
def batch(framework: str) -> dict[str, Any]:
    """What each agent saw, and what its teacher did."""
    rng = np.random.default_rng(0)
    columns = {
        module_id: {
            "obs": {"global": rng.normal(size=(64, 3)), "local": rng.normal(size=(64, LOCAL_DIMS[module_id]))},
            "actions": rng.integers(actions, size=64),
        }
        for module_id, actions in ACTIONS.items()
    }
    batch: dict[str, Any] = get_backend(framework).batch(None, columns)
    return batch


def _loss(module: Any, batch: Any, module_id: str) -> Callable[[], Any]:
    """The cross entropy of one agent."""
    ops = module[module_id].backend.ops

    def run() -> Any:
        logits = module.forward_train({module_id: batch[module_id]})[module_id]["action_dist_inputs"]
        return -ops.mean(ops.gather(ops.log_softmax(logits), batch[module_id]["actions"]))

    return run


def _losses(module: Any, batch: Any) -> dict[str, float]:
    return {
        module_id: float(module[module_id].backend.ops.stop_gradient(_loss(module, batch, module_id)()))
        for module_id in batch
    }


def _train(module: Any, batch: Any, steps: int = 5) -> list[float]:
    """Behaviour cloning of all agents at once; the total loss before each step."""
    backend = module["local_2d"].backend
    weights = [weight for agent in module.values() for weight in backend.named_weights(agent).values()]
    unique = list({id(weight): weight for weight in weights}.values())
    totals = []
    for _ in range(steps):
        totals.append(sum(_losses(module, batch).values()))
        runs = [_loss(module, batch, module_id) for module_id in batch]
        found = gradients(backend.name, lambda runs=runs: sum(run() for run in runs), unique)
        for weight, gradient in zip(unique, found, strict=True):
            backend.assign(weight, backend.copy_of(weight) - 0.2 * gradient)
    return totals


def _logits(module: Any, batch: Mapping[str, Any]) -> dict[str, np.ndarray]:
    found = module["local_2d"].backend.to_numpy(module.forward_inference(batch))
    return {key: columns["action_dist_inputs"] for key, columns in found.items()}


def _require_equal(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[key], other[key]) for key in one)


def test_each_agent_answers_in_its_own_action_space(shared: MultiAgentRLModule, batch: Any):
    assert {key: logits.shape for key, logits in _logits(shared, batch).items()} == {
        "local_2d": (64, 2),
        "local_5d": (64, 4),
    }


def test_the_encoder_is_one_and_the_same(shared: MultiAgentRLModule):
    assert shared["local_2d"].encoder is shared["local_5d"].encoder


def test_gradients_of_both_agents_reach_it(shared: MultiAgentRLModule, batch: Any, user: ModuleType, framework: str):
    backend: Any = get_backend(framework)
    weight = backend.named_weights(shared["local_2d"])[f"encoder.0.{user.KERNEL}"]
    runs = [_loss(shared, batch, module_id) for module_id in batch]
    each = [gradients(framework, run, [weight])[0] for run in runs]
    assert all(np.abs(gradient).sum() > 0 for gradient in each)
    (both,) = gradients(framework, lambda: sum(run() for run in runs), [weight])
    np.testing.assert_allclose(both, each[0] + each[1], rtol=1e-5, atol=1e-6)


def test_both_agents_learn_together(shared: MultiAgentRLModule, batch: Any):
    before = _losses(shared, batch)
    totals = _train(shared, batch, steps=20)
    assert totals[0] == pytest.approx(sum(before.values()))
    for module_id, loss in _losses(shared, batch).items():
        assert loss < before[module_id]


def test_what_was_trained_is_loaded_and_still_shared(
    shared: MultiAgentRLModule, batch: Any, tmp_path: Path, user: ModuleType
):
    _train(shared, batch)
    shared.save_to_checkpoint(tmp_path)
    for cls in (user.BCMultiAgentModuleWithSharedEncoder, MultiAgentRLModule):
        loaded = cls.from_checkpoint(tmp_path)
        assert type(loaded) is user.BCMultiAgentModuleWithSharedEncoder
        assert loaded["local_2d"].encoder is loaded["local_5d"].encoder
        assert loaded["local_2d"].encoder is not shared["local_2d"].encoder
        _require_equal(_logits(loaded, batch), _logits(shared, batch))


def test_training_goes_on_after_loading_as_it_would_have(shared: MultiAgentRLModule, batch: Any, tmp_path: Path):
    _train(shared, batch)
    shared.save_to_checkpoint(tmp_path)
    loaded = MultiAgentRLModule.from_checkpoint(tmp_path)
    assert _train(loaded, batch) == _train(shared, batch)
    assert loaded["local_2d"].encoder is loaded["local_5d"].encoder
    _require_equal(_logits(loaded, batch), _logits(shared, batch))


def test_the_encoder_is_saved_once(shared: MultiAgentRLModule, tmp_path: Path, user: ModuleType):
    stored = read_checkpoint(shared.save_to_checkpoint(tmp_path))
    layers = sorted({name.rpartition(".")[0] for name in shared["local_2d"].get_state() if name.startswith("encoder.")})
    names = {f"{layer}.{leaf}" for layer in layers for leaf in (user.KERNEL, "bias")}
    assert len(layers) == 2
    assert stored.document["rl_module"]["shared"] == {f"local_5d.{name}": f"local_2d.{name}" for name in names}
    held = [name for payload in stored.payload_names for name in stored.payload(payload)]
    assert sorted(name for name in held if name.startswith("encoder.")) == sorted(names)


def test_a_copy_trains_apart_and_alike(shared: MultiAgentRLModule, batch: Any, framework: str, request: Any):
    request.applymarker(pytest.mark.xfail(framework == "tf2", reason="TfRLModules are copied by their configs alone."))
    twin = copy.deepcopy(shared)
    assert _train(twin, batch) == _train(shared, batch)
    assert twin["local_2d"].encoder is twin["local_5d"].encoder
    assert twin["local_2d"].encoder is not shared["local_2d"].encoder


def test_another_container_starts_from_what_was_trained(
    shared: MultiAgentRLModule, batch: Any, tmp_path: Path, spec: MultiAgentRLModuleSpec, user: ModuleType
):
    _train(shared, batch)
    shared.save_to_checkpoint(tmp_path)
    built = replace(spec, load_state_path=tmp_path).build()
    _require_equal(_logits(built, batch), _logits(shared, batch))
    # Half of the other agent came along: the encoder is its own too.
    half = replace(spec, load_state_path=tmp_path, modules_to_load={"local_2d"}).build()
    loaded, trained = half["local_5d"].get_state(), shared["local_5d"].get_state()
    same = {name.partition(".")[0]: np.array_equal(loaded[name], trained[name]) for name in sorted(trained)}
    assert same == {"encoder": True, "policy_head": False}


def test_one_agent_loads_through_its_container_only(shared: MultiAgentRLModule, tmp_path: Path):
    shared.save_to_checkpoint(tmp_path)
    for load in (RLModule.from_checkpoint, Policy.from_checkpoint):
        with pytest.raises(CheckpointError, match=r"'local_2d' .*no config of its own.*Load the container with"):
            load(tmp_path, module_id="local_2d")


def test_an_agent_that_joined_later_is_loaded_into_a_container_that_has_it(
    shared: MultiAgentRLModule, batch: Any, tmp_path: Path, spec: MultiAgentRLModuleSpec, user: ModuleType
):
    def join(container: Any) -> None:
        encoder = container["local_2d"].encoder
        container.add_module("late", user.BCModuleWithSharedGlobalEncoder(encoder, 2, 16, 3))

    join(shared)
    shared.save_to_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"(?s)'late' .*none that setup\(\) makes.*load_state\(directory\)"):
        MultiAgentRLModule.from_checkpoint(tmp_path)
    again = spec.build()
    join(again)
    again.load_state(tmp_path)
    batch["late"] = batch["local_2d"]
    _require_equal(_logits(again, batch), _logits(shared, batch))


def test_nested_observations_are_checked_by_each_agent(shared: MultiAgentRLModule):
    obs = shared["local_2d"].backend.batch(None, {"global": np.zeros((6, 3))})
    with pytest.raises(SpecCheckingError, match=r"BCModuleWithSharedGlobalEncoder.*'local'.*missing"):
        shared.forward_inference({"local_2d": {"obs": obs}})


def test_the_modules_without_a_config_say_what_choosing_actions_needs(shared: MultiAgentRLModule, batch: Any):
    with pytest.raises(ValueError, match=r"has no action space.*get_exploration_action_dist_cls"):
        compute_actions(shared["local_2d"], batch["local_2d"], explore=True)
