"""Summaries of torch modules: as of the numpy twin, and what only torch knows."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rlmodule_core import (
    ActorCriticEncoderConfig,
    DiagGaussian,
    FreeLogStdMLPHeadConfig,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModulePlans,
    RLModuleConfig,
)
from rlmodule_core.summary import summarise
from rlmodule_torch import TorchActorCriticRLModule, TorchRLModule

SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=3)


def standard(hiddens: list[int], *, shared: bool) -> TorchActorCriticRLModule:
    base = MLPEncoderConfig(input_dims=(3,), hidden_layer_dims=hiddens, hidden_layer_use_layernorm=True)
    encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=shared).plan()
    head: dict[str, Any] = {"input_dims": (hiddens[-1],), "hidden_layer_dims": ()}
    pi = FreeLogStdMLPHeadConfig(output_layer_dim=4, **head).plan()
    dist = DiagGaussian(2)
    plans = ModulePlans(encoder, pi, MLPHeadConfig(output_layer_dim=1, **head).plan(), dist, dist, dist)
    spaces = gym.spaces.Box(-1.0, 1.0, (3,)), gym.spaces.Box(-2.0, 2.0, (2,))
    return TorchActorCriticRLModule(RLModuleConfig(*spaces, {}, plans=plans))


class Own(TorchRLModule):
    """Layers of the user's own, one of them under two names."""

    def setup(self) -> None:
        self.body = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.same_body = self.body

    def _forward_train(self, batch: Any) -> Any:
        return {"actions": self.norm(self.same_body(self.body(batch["obs"])))}

    _forward_exploration = _forward_inference = _forward_train


@settings(max_examples=30, deadline=None)
@given(SIZES, st.booleans())
def test_equal_plans_are_told_equally_in_torch_and_in_numpy(hiddens: list[int], shared: bool) -> None:
    module = standard(hiddens, shared=shared)
    expected = module.to_framework("numpy").summary()
    assert module.summary() == expected.replace("framework     numpy,", "framework     torch,")


@settings(max_examples=30, deadline=None)
@given(SIZES, st.booleans())
def test_the_shapes_of_the_layers_are_those_of_a_run(hiddens: list[int], shared: bool) -> None:
    module = standard(hiddens, shared=shared)
    seen: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    for layer in module.modules():
        if not list(layer.children()):
            layer.register_forward_hook(lambda _, x, y: seen.append((tuple(x[0].shape[1:]), tuple(y.shape[1:]))))
    module.forward_train({"obs": torch.zeros(5, 3)})
    assert [(layer.input_dims, layer.output_dims) for layer in summarise(module).layers] == seen


def test_statistics_and_frozen_parameters_are_no_trainable_numbers() -> None:
    module = Own()
    module.body.bias.requires_grad_(False)
    trained = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
    told = summarise(module).weights
    assert {name for name, weight in told.items() if not weight.trained} == {
        "body.bias",
        "norm.running_mean",
        "norm.running_var",
        "norm.num_batches_tracked",
    }
    assert f" {sum(weight.numbers for weight in told.values()):,} numbers in 7 arrays, " in module.summary()
    assert f", {trained:,} trainable\n" in module.summary()


def test_a_frozen_layer_of_a_plan_is_marked() -> None:
    module = standard([8], shared=True)
    module.encoder.requires_grad_(False)
    (line,) = [line for line in module.summary().splitlines() if "Dense(3, 8)" in line]
    assert line.endswith("not trainable")
    assert module.summary().count("not trainable") == 2, "the dense layer and its norm, and no activation"


def test_a_weight_under_two_names_is_told_once() -> None:
    told = summarise(Own()).weights
    assert "body.weight" in told
    assert not any(name.startswith("same_body") for name in told)
    assert sum(weight.numbers for weight in told.values()) == sum(x.size for x in Own().get_state().values())


def test_a_layer_that_two_parts_share_is_counted_once() -> None:
    module = standard([8], shared=False)
    module.encoder.k_critic = module.encoder.k_actor
    module.invalidate()
    total = sum(tensor.numel() for tensor in module.parameters())
    told = summarise(module).layers
    assert sum(layer.numbers for layer in told) == total
    assert {layer.path[1] for layer in told if layer.shared} == {"critic"}
    assert "shared with an earlier layer" in module.summary()


def test_a_summary_changes_no_weight_and_no_mode() -> None:
    module = Own().eval()
    before = module.get_state()
    module.summary()
    assert not module.training
    for name, array in module.get_state().items():
        np.testing.assert_array_equal(array, before[name])


def test_repr_is_one_line_and_print_shows_the_layers() -> None:
    module = Own(RLModuleConfig(gym.spaces.Box(-1.0, 1.0, (4,)), gym.spaces.Discrete(2)))
    assert repr(module) == "Own(torch, Box(-1.0, 1.0, (4,), float32) -> Discrete(2))"
    assert str(module) == nn.Module.__repr__(module)
    assert "(body): Linear(in_features=4, out_features=4, bias=True)" in str(module)
    assert repr(Own.__new__(Own)) == "Own(torch)"


def test_the_twin_of_a_torch_module_is_told_without_torch(tmp_path: Any) -> None:
    module = standard([8], shared=True)
    module.save_to_checkpoint(tmp_path)
    code = (
        "import sys\n"
        "from rlmodule_core.numpy_backend import NumpyActorCriticRLModule\n"
        "print(NumpyActorCriticRLModule.from_checkpoint(sys.argv[1]).summary())\n"
        "assert not {'torch', 'rlmodule_torch'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip("\n") == module.summary().replace("framework     torch,", "framework     numpy,")
