from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rlmodule_core import StateError
from rlmodule_core.plans import Chain, Dense
from rlmodule_torch import TorchActorCriticRLModule, TorchBackend, TorchRLModule


class _Own(TorchRLModule):
    def _forward_train(self, batch: Any) -> Any:
        return {"actions": batch["obs"]}

    _forward_exploration = _forward_inference = _forward_train


class Nested(_Own):
    def setup(self) -> None:
        self.body = nn.ModuleDict({"left": nn.Linear(2, 3), "right": nn.Sequential(nn.Linear(2, 3), nn.ReLU())})
        self.head = self.backend.lower(Chain((Dense(3, 1),)))
        self.scale = nn.Parameter(torch.ones(2))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("scratch", torch.zeros(5), persistent=False)


class Tied(_Own):
    def setup(self) -> None:
        self.embed = nn.Linear(3, 3, bias=False)
        self.output = nn.Linear(3, 3, bias=False)
        self.output.weight = self.embed.weight


class Half(_Own):
    def setup(self) -> None:
        self.net = nn.Linear(3, 3).to(torch.bfloat16)


def test_a_standard_module_has_canonical_names(module: TorchActorCriticRLModule):
    assert list(module.get_state()) == [
        "encoder.actor.0.weight",
        "encoder.actor.0.bias",
        "encoder.critic.0.weight",
        "encoder.critic.0.bias",
        "pi.0.weight",
        "pi.0.bias",
        "vf.0.weight",
        "vf.0.bias",
    ]


def test_a_user_s_layers_have_their_attribute_paths():
    names = {"scale", "count", "body.left.weight", "body.left.bias", "body.right.0.weight", "body.right.0.bias"}
    assert Nested().get_state().keys() == names | {"head.0.weight", "head.0.bias"}


def test_state_is_a_copy(module: TorchActorCriticRLModule):
    module.get_state()["vf.0.bias"][...] = 7.0
    assert module.get_state()["vf.0.bias"].item() != 7.0


@pytest.mark.parametrize("make", [Nested, Tied, Half])
def test_a_state_goes_into_another_instance_and_keeps_its_tensors(make: Any):
    one, other = make(), make()
    before = [(id(tensor), tensor.data_ptr()) for tensor in other.parameters()]
    other.set_state(one.get_state())
    assert [(id(tensor), tensor.data_ptr()) for tensor in other.parameters()] == before
    for mine, theirs in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
    assert all(weight.requires_grad for weight in other.parameters())


def test_a_tied_tensor_is_named_once_and_stays_tied():
    module = Tied()
    assert list(module.get_state()) == ["embed.weight"]
    module.set_state({"embed.weight": np.eye(3, dtype=np.float32)})
    assert module.output.weight is module.embed.weight
    assert torch.equal(module.output.weight, torch.eye(3))


def test_bfloat16_survives_the_way_through_numpy():
    module = Half()
    with torch.no_grad():
        module.net.weight.copy_(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)) * 1e30)
    state = module.get_state()
    assert state["net.weight"].dtype == np.float32
    other = Half()
    other.set_state(state)
    assert other.net.weight.dtype == torch.bfloat16
    assert torch.equal(other.net.weight, module.net.weight)


def test_a_state_that_does_not_fit_changes_nothing(module: TorchActorCriticRLModule):
    before = module.get_state()
    wrong = {name: array + 1 for name, array in before.items()}
    wrong["more"] = wrong.pop("pi.0.bias")
    wrong["vf.0.bias"] = np.zeros(2, np.float32)
    with pytest.raises(StateError) as caught:
        module.set_state(wrong)
    for part in ("missing: pi.0.bias (3,)", "unexpected: more (3,)", "mis-shaped: vf.0.bias expected (1,), got (2,)"):
        assert part in str(caught.value)
    for name, array in module.get_state().items():
        np.testing.assert_array_equal(array, before[name])


def test_the_plan_of_a_lowered_network_is_known(backend: TorchBackend, module: TorchActorCriticRLModule):
    plan = Chain((Dense(3, 1),))
    assert backend.plan_of(backend.lower(plan)) == plan
    assert backend.plan_of(nn.Linear(3, 1)) is None
    assert module.config is not None
    assert module.frozen_plans() == module.config.plans


def test_a_twin_in_numpy_takes_the_weights_along(module: TorchActorCriticRLModule, batch: Any):
    twin = module.to_framework("numpy")
    expected = module.forward_train(batch)["vf_preds"].detach().numpy()
    np.testing.assert_allclose(twin.forward_train({"obs": batch["obs"].numpy()})["vf_preds"], expected, rtol=1e-5)
    back = twin.to_framework("torch").get_state()
    for name, array in module.get_state().items():
        np.testing.assert_array_equal(back[name], array)


def test_tensors_that_several_modules_share_are_seen_under_every_name(backend: TorchBackend):
    tied, nested, half = Tied(), Nested(), Half()
    half.net.weight = tied.embed.weight
    half.count = nested.count
    modules = {"a.b": tied, "nested": nested, "half": half}
    assert backend.shared_tensors(modules) == {"half.net.weight": "a%2Eb.embed.weight"}
    half.register_buffer("count_too", nested.count)
    assert backend.shared_tensors(modules)["half.count_too"] == "nested.count"
    assert backend.shared_tensors({"tied": tied}) == {}
