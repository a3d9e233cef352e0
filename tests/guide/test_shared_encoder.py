"""The guide: a multi-agent module whose agents share an encoder, written, trained, saved and loaded by a user."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
import torch
from torch import nn

from rlmodule_core import (
    CheckpointError,
    Policy,
    RLModule,
    SingleAgentRLModuleSpec,
    SpecCheckingError,
    SpecType,
    compute_actions,
)
from rlmodule_marl import MultiAgentRLModule, MultiAgentRLModuleSpec
from rlmodule_torch import TorchRLModule

LOCAL_DIMS = {"local_2d": 2, "local_5d": 5}
ACTIONS = {"local_2d": 2, "local_5d": 4}


class BCTorchRLModuleWithSharedGlobalEncoder(TorchRLModule):
    """Applies an encoder that it shares with others to the global part of the observations."""

    def __init__(self, encoder: nn.Module, local_dim: int, hidden_dim: int, action_dim: int) -> None:
        super().__init__(config=None)
        self.encoder = encoder
        self.policy_head = nn.Sequential(
            nn.Linear(hidden_dim + local_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, action_dim)
        )

    def input_specs_train(self) -> SpecType:
        return [("obs", "global"), ("obs", "local")]

    input_specs_exploration = input_specs_inference = input_specs_train

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        obs = batch["obs"]
        policy_in = torch.cat([self.encoder(obs["global"]), obs["local"]], dim=-1)
        return {"action_dist_inputs": self.policy_head(policy_in)}

    _forward_exploration = _forward_inference = _forward_train


class BCTorchMultiAgentModuleWithSharedEncoder(MultiAgentRLModule):
    """The agents that it makes share one encoder."""

    def setup(self) -> None:
        module_specs = self.config.modules
        first = next(iter(module_specs.values()))
        global_dim = first.observation_space["global"].shape[0]
        hidden_dim = first.model_config_dict["fcnet_hiddens"][0]
        shared_encoder = nn.Sequential(nn.Linear(global_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, hidden_dim))
        self._rl_modules = {
            module_id: spec.module_class(
                encoder=shared_encoder,
                local_dim=spec.observation_space["local"].shape[0],
                hidden_dim=hidden_dim,
                action_dim=spec.action_space.n,
            )
            for module_id, spec in module_specs.items()
        }


SPEC = MultiAgentRLModuleSpec(
    marl_module_class=BCTorchMultiAgentModuleWithSharedEncoder,
    module_specs={
        module_id: SingleAgentRLModuleSpec(
            module_class=BCTorchRLModuleWithSharedGlobalEncoder,
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
def shared() -> MultiAgentRLModule:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SPEC.build()


@pytest.fixture
def batch() -> dict[str, Any]:
    """What each agent saw, and what its teacher did."""
    generator = torch.Generator().manual_seed(0)
    return {
        module_id: {
            "obs": {
                "global": torch.randn(64, 3, generator=generator),
                "local": torch.randn(64, LOCAL_DIMS[module_id], generator=generator),
            },
            "actions": torch.randint(actions, (64,), generator=generator),
        }
        for module_id, actions in ACTIONS.items()
    }


def _losses(module: MultiAgentRLModule, batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    out = module.forward_train(batch)
    return {
        module_id: nn.functional.cross_entropy(columns["action_dist_inputs"], batch[module_id]["actions"])
        for module_id, columns in out.items()
    }


def _train(module: MultiAgentRLModule, batch: Mapping[str, Any], steps: int = 5) -> list[float]:
    """Behaviour cloning of all agents at once; the total loss before each step."""
    weights = {weight for agent in module.values() for weight in agent.parameters()}
    optimizer = torch.optim.SGD(weights, lr=0.2)
    totals = []
    for _ in range(steps):
        total = sum(_losses(module, batch).values(), torch.zeros(()))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    return totals


def _logits(module: MultiAgentRLModule, batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    return {key: columns["action_dist_inputs"] for key, columns in module.forward_inference(batch).items()}


def _require_equal(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_each_agent_answers_in_its_own_action_space(shared: MultiAgentRLModule, batch: Any):
    assert {key: logits.shape for key, logits in _logits(shared, batch).items()} == {
        "local_2d": (64, 2),
        "local_5d": (64, 4),
    }


def test_the_encoder_is_one_and_the_same(shared: MultiAgentRLModule):
    assert shared["local_2d"].encoder is shared["local_5d"].encoder


def test_gradients_of_both_agents_reach_it(shared: MultiAgentRLModule, batch: Any):
    weight = shared["local_2d"].encoder[0].weight
    losses = _losses(shared, batch)
    each = [torch.autograd.grad(loss, weight, retain_graph=True)[0] for loss in losses.values()]
    assert all(gradient.abs().sum() > 0 for gradient in each)
    sum(losses.values(), torch.zeros(())).backward()
    torch.testing.assert_close(weight.grad, each[0] + each[1])


def test_both_agents_learn_together(shared: MultiAgentRLModule, batch: Any):
    before = {key: loss.item() for key, loss in _losses(shared, batch).items()}
    totals = _train(shared, batch, steps=20)
    assert totals[0] == pytest.approx(sum(before.values()))
    for module_id, loss in _losses(shared, batch).items():
        assert loss.item() < before[module_id]


def test_what_was_trained_is_loaded_and_still_shared(shared: MultiAgentRLModule, batch: Any, tmp_path: Path):
    _train(shared, batch)
    shared.save_to_checkpoint(tmp_path)
    for cls in (BCTorchMultiAgentModuleWithSharedEncoder, MultiAgentRLModule):
        loaded = cls.from_checkpoint(tmp_path)
        assert type(loaded) is BCTorchMultiAgentModuleWithSharedEncoder
        assert loaded["local_2d"].encoder is loaded["local_5d"].encoder
        assert loaded["local_2d"].encoder is not shared["local_2d"].encoder
        _require_equal(_logits(loaded, batch), _logits(shared, batch))


def test_training_goes_on_after_loading_as_it_would_have(shared: MultiAgentRLModule, batch: Any, tmp_path: Path):
    _train(shared, batch)
    shared.save_to_checkpoint(tmp_path)
    loaded = MultiAgentRLModule.from_checkpoint(tmp_path)
    assert _train(loaded, batch) == _train(shared, batch)
    assert loaded["local_2d"].encoder[0].weight is loaded["local_5d"].encoder[0].weight
    _require_equal(_logits(loaded, batch), _logits(shared, batch))


def test_a_copy_trains_apart_and_alike(shared: MultiAgentRLModule, batch: Any):
    twin = copy.deepcopy(shared)
    assert _train(twin, batch) == _train(shared, batch)
    assert twin["local_2d"].encoder is twin["local_5d"].encoder
    assert twin["local_2d"].encoder is not shared["local_2d"].encoder


def test_another_container_starts_from_what_was_trained(shared: MultiAgentRLModule, batch: Any, tmp_path: Path):
    _train(shared, batch)
    shared.save_to_checkpoint(tmp_path)
    built = replace(SPEC, load_state_path=tmp_path).build()
    _require_equal(_logits(built, batch), _logits(shared, batch))
    # Half of the other agent came along: the encoder is its own too.
    half = replace(SPEC, load_state_path=tmp_path, modules_to_load={"local_2d"}).build()
    assert torch.equal(half["local_5d"].encoder[0].weight, shared["local_5d"].encoder[0].weight)
    assert not torch.equal(half["local_5d"].policy_head[0].weight, shared["local_5d"].policy_head[0].weight)


def test_one_agent_loads_through_its_container_only(shared: MultiAgentRLModule, tmp_path: Path):
    shared.save_to_checkpoint(tmp_path)
    for load in (RLModule.from_checkpoint, Policy.from_checkpoint):
        with pytest.raises(CheckpointError, match=r"'local_2d' .*no config of its own.*Load the container with"):
            load(tmp_path, module_id="local_2d")


def test_an_agent_that_joined_later_is_loaded_into_a_container_that_has_it(
    shared: MultiAgentRLModule, batch: Any, tmp_path: Path
):
    def join(container: MultiAgentRLModule) -> None:
        encoder = container["local_2d"].encoder
        container.add_module("late", BCTorchRLModuleWithSharedGlobalEncoder(encoder, 2, 16, 3))

    join(shared)
    shared.save_to_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"(?s)'late' .*none that setup\(\) makes.*load_state\(directory\)"):
        MultiAgentRLModule.from_checkpoint(tmp_path)
    again = SPEC.build()
    join(again)
    again.load_state(tmp_path)
    batch["late"] = batch["local_2d"]
    _require_equal(_logits(again, batch), _logits(shared, batch))


def test_nested_observations_are_checked_by_each_agent(shared: MultiAgentRLModule):
    with pytest.raises(SpecCheckingError, match=r"BCTorchRLModuleWithSharedGlobalEncoder.*'local'.*missing"):
        shared.forward_inference({"local_2d": {"obs": {"global": torch.zeros(6, 3)}}})


def test_the_modules_without_a_config_say_what_choosing_actions_needs(shared: MultiAgentRLModule, batch: Any):
    with pytest.raises(ValueError, match=r"has no action space.*get_exploration_action_dist_cls"):
        compute_actions(shared["local_2d"], batch["local_2d"], explore=True)
