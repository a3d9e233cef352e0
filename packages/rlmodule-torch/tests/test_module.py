from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from rlmodule_core import SpecCheckingError
from rlmodule_torch import TorchActorCriticRLModule, TorchRLModule


class Linear(TorchRLModule):
    """The smallest module that a user may write."""

    def setup(self) -> None:
        self.net = nn.Linear(4, 3)

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"])}

    _forward_exploration = _forward_inference = _forward_train


def test_layers_assigned_in_setup_are_registered(module: TorchActorCriticRLModule):
    assert [name for name, _ in Linear().named_parameters()] == ["net.weight", "net.bias"]
    assert {name.partition(".")[0] for name, _ in module.named_parameters()} == {"encoder", "pi", "vf"}
    assert len(list(module.parameters())) == 8


def test_gradients_flow_in_training_to_every_weight(module: TorchActorCriticRLModule, batch: Any):
    out = module.forward_train(batch)
    (out["action_dist_inputs"].square().sum() + out["vf_preds"].square().sum()).backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in module.parameters())


@pytest.mark.parametrize("forward", ["forward_exploration", "forward_inference"])
@pytest.mark.parametrize("own", [True, False])
def test_acting_computes_no_gradients(module: TorchActorCriticRLModule, batch: Any, forward: str, own: bool):
    out = getattr(Linear() if own else module, forward)(batch)["action_dist_inputs"]
    assert not out.requires_grad
    # Unlike tensors of inference mode, these may enter a later graph.
    weight = torch.ones(3, requires_grad=True)
    (out * weight).sum().backward()
    assert weight.grad is not None
    assert torch.is_grad_enabled()


def test_acting_gives_the_values_of_training(module: TorchActorCriticRLModule, batch: Any):
    expected = module.forward_train(batch)["action_dist_inputs"]
    for forward in (module.forward_exploration, module.forward_inference):
        torch.testing.assert_close(forward(batch)["action_dist_inputs"], expected, rtol=0, atol=0)


def test_calling_the_module_trains(batch: Any):
    assert Linear()(batch)["action_dist_inputs"].requires_grad


def test_a_batch_of_another_kind_is_refused(module: TorchActorCriticRLModule, batch: Any):
    for bad in (batch["obs"].numpy(), batch["obs"].double(), batch["obs"][:, :3]):
        with pytest.raises(SpecCheckingError, match="obs"):
            module.forward_train({"obs": bad})
