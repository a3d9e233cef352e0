from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.nn.utils import parametrize, prune

from rlmodule_core.plans import Chain, Dense
from rlmodule_torch import TorchBackend


def dense(backend: TorchBackend) -> tuple[Any, Any]:
    """A network of one layer, and that layer."""
    network = backend.lower(Chain((Dense(4, 3),)))
    return network, network.by_key["0"]


def test_a_pruned_layer_computes_with_what_is_left(backend: TorchBackend):
    network, layer = dense(backend)
    x, before = torch.ones(2, 4), layer.weight.detach().clone()
    prune.custom_from_mask(layer, "weight", torch.eye(3, 4))
    torch.testing.assert_close(network(x), F.linear(x, before * torch.eye(3, 4), layer.bias))


def test_a_parametrised_layer_computes_with_what_its_weight_is_made_to(backend: TorchBackend):
    network, layer = dense(backend)

    class Doubled(nn.Module):
        def forward(self, weight: torch.Tensor) -> torch.Tensor:
            return 2 * weight

    x, before = torch.ones(2, 4), layer.weight.detach().clone()
    parametrize.register_parametrization(layer, "weight", Doubled())
    torch.testing.assert_close(network(x), F.linear(x, 2 * before, layer.bias))


def test_a_functional_call_computes_with_the_weights_that_it_is_given(backend: TorchBackend):
    network, layer = dense(backend)
    x = torch.ones(2, 4)
    others = {name: torch.full_like(weight, 0.5) for name, weight in network.named_parameters()}
    assert torch.func.functional_call(network, others, (x,)).tolist() == [[2.5] * 3] * 2
    torch.testing.assert_close(network(x), F.linear(x, layer.weight, layer.bias))
