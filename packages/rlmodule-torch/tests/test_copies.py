from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch

from rlmodule_core import ActorCriticRLModule, SingleAgentRLModuleSpec
from rlmodule_core.plans import Activation, Chain, Dense, FreeParameter, LayerNorm
from rlmodule_torch import TorchActorCriticRLModule, TorchBackend

_WAYS = pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])


class Neutral(ActorCriticRLModule):
    """Names no framework, so a spec combines it with one."""


@_WAYS
def test_copies_of_a_module_compute_the_same(module: TorchActorCriticRLModule, batch: Any, duplicate: Any):
    expected = module.forward_train(batch)
    twin = duplicate(module)
    for key, value in twin.forward_train(batch).items():
        assert torch.equal(value, expected[key])
    assert twin.get_train_action_dist_cls() is module.get_train_action_dist_cls()


@_WAYS
def test_copies_share_no_tensor(module: TorchActorCriticRLModule, batch: Any, duplicate: Any):
    expected = module.forward_train(batch)["vf_preds"]
    twin = duplicate(module)
    with torch.no_grad():
        for weight in twin.parameters():
            weight.zero_()
    assert not twin.forward_train(batch)["vf_preds"].any()
    assert torch.equal(module.forward_train(batch)["vf_preds"], expected)


@_WAYS
def test_lowered_networks_can_be_copied(backend: TorchBackend, duplicate: Any):
    plan = Chain((Dense(4, 8), LayerNorm(8), Activation("elu"), Dense(8, 2, bias=False), FreeParameter(2)))
    network, x = backend.lower(plan), torch.ones(3, 4)
    twin = duplicate(network)
    assert torch.equal(twin(x), network(x))
    assert backend.plan_of(twin) == plan
    twin.by_key["0"].weight.data.zero_()
    assert not torch.equal(twin(x), network(x))


@_WAYS
def test_a_neutral_class_combined_with_torch_can_be_copied(
    module: TorchActorCriticRLModule, batch: Any, duplicate: Any, monkeypatch: pytest.MonkeyPatch
):
    config = module.config
    assert config is not None
    monkeypatch.setattr(SingleAgentRLModuleSpec, "get_rl_module_config", lambda self: config)
    spec = SingleAgentRLModuleSpec(Neutral, config.observation_space, config.action_space, {})
    combined = spec.build(framework="torch")
    twin = duplicate(combined)
    assert type(twin) is type(combined)
    assert torch.equal(twin.forward_train(batch)["vf_preds"], combined.forward_train(batch)["vf_preds"])
