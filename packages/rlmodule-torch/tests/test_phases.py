from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from rlmodule_core import ConfigError
from rlmodule_torch import TorchActorCriticRLModule, TorchRLModule


class Switching(TorchRLModule):
    """Counts how often its mode is set."""

    switches = 0

    def setup(self) -> None:
        self.net = nn.Sequential(nn.Linear(4, 64), nn.Dropout(0.5))

    def train(self, mode: bool = True) -> Any:
        self.switches += 1
        return super().train(mode)

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"]), "training": self.net.training}

    _forward_exploration = _forward_inference = _forward_train


class Plain(Switching):
    def setup(self) -> None:
        self.net = nn.Sequential(nn.Linear(4, 64), nn.ReLU())


def test_dropout_drops_in_training_only(batch: Any):
    module = Switching()
    assert (module.forward_train(batch)["action_dist_inputs"] == 0).float().mean() > 0.3
    for forward in (module.forward_exploration, module.forward_inference):
        assert (forward(batch)["action_dist_inputs"] == 0).float().mean() < 0.1
    assert module.forward_train(batch)["training"]


def test_the_mode_is_set_only_when_it_differs(batch: Any):
    module = Switching()
    for _ in range(3):
        module.forward_train(batch)
    assert module.switches == 0
    for _ in range(3):
        module.forward_inference(batch)
        module.forward_exploration(batch)
    assert module.switches == 1


def test_a_module_without_phase_dependent_layers_never_switches(module: TorchActorCriticRLModule, batch: Any):
    plain = Plain()
    for forward in (plain.forward_train, plain.forward_inference, plain.forward_train, plain.forward_exploration):
        forward(batch)
    assert plain.switches == 0
    module.forward_inference(batch)
    assert all(layer.training for layer in module.children())


def test_a_forward_that_asks_for_the_mode_is_told_the_phase(batch: Any):
    class Asking(Plain):
        def _forward_train(self, batch: Any) -> Any:
            return {"action_dist_inputs": self.net(batch["obs"]), "training": self.training}

        _forward_exploration = _forward_inference = _forward_train

    module = Asking()
    phases = (module.forward_train, module.forward_inference, module.forward_train, module.forward_exploration)
    assert [forward(batch)["training"] for forward in phases] == [True, False, True, False]


def test_layers_added_after_the_constructor_count(batch: Any):
    class Late(Plain):
        def __init__(self) -> None:
            super().__init__()
            self.net.append(nn.Dropout(0.5))

    assert not Late().forward_inference(batch)["training"]


def test_invalidate_decides_anew(batch: Any):
    module = Plain()
    module.forward_inference(batch)
    module.net.append(nn.Dropout(0.5))
    assert module.forward_inference(batch)["training"]
    module.invalidate()
    assert not module.forward_inference(batch)["training"]


@pytest.mark.parametrize("own", [type("MyDropout", (nn.Dropout,), {}), type("MyLinear", (nn.Linear,), {})])
def test_a_layer_of_the_user_s_own_type_may_depend_on_the_phase(batch: Any, own: type[nn.Module]):
    module = Plain()
    module.net.append(own(64, 64) if issubclass(own, nn.Linear) else own(0.5))
    assert not module.forward_inference(batch)["training"]


def test_inference_is_deterministic_where_training_is_not(batch: Any):
    module = Switching()
    one, other = (module.forward_inference(batch)["action_dist_inputs"] for _ in range(2))
    assert torch.equal(one, other)
    one, other = (module.forward_train(batch)["action_dist_inputs"] for _ in range(2))
    assert not torch.equal(one, other)


def test_values_are_estimated_in_evaluation_mode_without_gradients(batch: Any):
    module = Switching()
    outputs = [module.evaluate_train(batch) for _ in range(2)]
    assert not outputs[0]["training"]
    assert torch.equal(outputs[0]["action_dist_inputs"], outputs[1]["action_dist_inputs"])
    assert not outputs[0]["action_dist_inputs"].requires_grad


@pytest.mark.parametrize("hide", [lambda layer: [layer], lambda layer: {"a": layer}, lambda layer: (layer.weight,)])
def test_a_layer_that_torch_cannot_see_is_named(batch: Any, hide: Any):
    class Hidden(Plain):
        def setup(self) -> None:
            super().setup()
            self.layers = hide(nn.Linear(4, 64))

    with pytest.raises(ConfigError, match=r"Hidden\.layers hides a .* Use nn\.ModuleList"):
        Hidden().forward_train(batch)


def test_a_list_of_layers_that_are_registered_elsewhere_is_fine(batch: Any):
    class Listed(Plain):
        def setup(self) -> None:
            super().setup()
            self.layers = list(self.net)

    Listed().forward_train(batch)
