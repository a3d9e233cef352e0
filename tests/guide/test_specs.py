"""The guide: the four kinds of input and output specs, on the first call and on later ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from rlmodule_core import SpecCheckingError, SpecType, TensorSpec, spec_checks
from rlmodule_torch import TorchCategorical, TorchDeterministic, TorchRLModule


class DiscreteBCTorchModule(TorchRLModule):
    """Answers every batch with the same columns, so that a test can spoil input and output apart."""

    answer: Mapping[str, Any] = {}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.answer

    _forward_inference = _forward_train = _forward_exploration


class SingleLevelKeys(DiscreteBCTorchModule):
    def input_specs_exploration(self) -> SpecType:
        return ["obs"]

    def output_specs_exploration(self) -> SpecType:
        return ["action_dist_inputs"]


class NestedKeys(DiscreteBCTorchModule):
    def input_specs_exploration(self) -> SpecType:
        return [("obs", "global"), ("obs", "local"), "action_mask"]

    def output_specs_exploration(self) -> SpecType:
        return [("action_dist_inputs", "move"), "vf_preds"]


class TensorSpecs(DiscreteBCTorchModule):
    def input_specs_exploration(self) -> SpecType:
        return {"obs": TensorSpec("b, h", h=10, dtype="float32", framework="torch")}

    def output_specs_exploration(self) -> SpecType:
        return {"action_dist_inputs": TensorSpec("b, a", a=2, framework="torch")}


class TypeSpecs(DiscreteBCTorchModule):
    def input_specs_exploration(self) -> SpecType:
        return {"obs": (torch.Tensor, np.ndarray), "count": int}

    def output_specs_exploration(self) -> SpecType:
        return {"action_dist": TorchCategorical}


OBS = torch.zeros(3, 10)
DIST = TorchCategorical.from_logits(torch.zeros(3, 2))
GOOD: dict[type[DiscreteBCTorchModule], tuple[dict[str, Any], dict[str, Any]]] = {
    SingleLevelKeys: ({"obs": OBS}, {"action_dist_inputs": OBS}),
    NestedKeys: (
        {"obs": {"global": OBS, "local": OBS}, "action_mask": OBS},
        {"action_dist_inputs": {"move": OBS}, "vf_preds": OBS},
    ),
    TensorSpecs: ({"obs": OBS}, {"action_dist_inputs": torch.zeros(3, 2)}),
    TypeSpecs: ({"obs": OBS, "count": 3}, {"action_dist": DIST}),
}
BAD_INPUTS: list[tuple[type[DiscreteBCTorchModule], Any, str]] = [
    (SingleLevelKeys, {"observations": OBS}, r"expected the key 'obs', which is missing.*'observations'"),
    (SingleLevelKeys, OBS, r"expected a mapping with the keys \['obs'\], got a torch.Tensor"),
    (NestedKeys, {"obs": {"global": OBS}, "action_mask": OBS}, r"'obs'.*'local'.*missing"),
    (NestedKeys, {"obs": {"global": OBS, "local": OBS}}, r"'action_mask'.*missing"),
    (NestedKeys, {"obs": OBS, "action_mask": OBS}, r"'obs'.*'global'.*missing"),
    (TensorSpecs, {"obs": torch.zeros(3, 9)}, r"'obs'.*of shape \('b', 10\).*got a torch.Tensor of shape \(3, 9\)"),
    (TensorSpecs, {"obs": torch.zeros(10)}, r"'obs'.*got a torch.Tensor of shape \(10,\)"),
    (TensorSpecs, {"obs": torch.zeros(3, 1, 10)}, r"'obs'.*got a torch.Tensor of shape \(3, 1, 10\)"),
    (TensorSpecs, {"obs": OBS.double()}, r"'obs'.*dtype float32, got .*dtype float64"),
    (TensorSpecs, {"obs": OBS.numpy()}, r"'obs'.*expected a torch.Tensor.*got a numpy.ndarray"),
    (TensorSpecs, {"obs": None}, r"'obs'.*got a value of type NoneType"),
    (TensorSpecs, {"Obs": OBS}, r"'obs', which is missing.*'Obs'"),
    (TypeSpecs, {"obs": [1.0], "count": 3}, r"'obs'.*torch.Tensor or numpy.ndarray, got a value of type list"),
    (TypeSpecs, {"obs": OBS, "count": 3.0}, r"'count'.*expected a value of type int, got a value of type float"),
]
BAD_OUTPUTS: list[tuple[type[DiscreteBCTorchModule], Any, str]] = [
    (SingleLevelKeys, {"actions": OBS}, r"'action_dist_inputs', which is missing.*'actions'"),
    (SingleLevelKeys, None, r"expected a mapping.*NoneType"),
    (NestedKeys, {"action_dist_inputs": {"look": OBS}, "vf_preds": OBS}, r"'move'.*missing"),
    (TensorSpecs, {"action_dist_inputs": torch.zeros(3, 4)}, r"'action_dist_inputs'.*got .*shape \(3, 4\)"),
    (TensorSpecs, {"action_dist_inputs": torch.zeros(3)}, r"'action_dist_inputs'.*got .*shape \(3,\)"),
    (TensorSpecs, {"action_dist_inputs": np.zeros((3, 2))}, r"'action_dist_inputs'.*got a numpy.ndarray"),
    (TypeSpecs, {"action_dist": OBS}, r"'action_dist'.*TorchCategorical, got a torch.Tensor"),
    (TypeSpecs, {"action_dist": TorchDeterministic(OBS)}, r"'action_dist'.*got a value of type .*TorchDeterministic"),
]


def _module(cls: type[DiscreteBCTorchModule], *, earlier_calls: int = 0) -> DiscreteBCTorchModule:
    module = cls()
    batch, module.answer = GOOD[cls]
    for _ in range(earlier_calls):
        module.forward_exploration(batch)
    return module


@pytest.mark.parametrize("cls", GOOD)
def test_good_data_pass_and_come_back_as_they_are(cls: type[DiscreteBCTorchModule]):
    module = _module(cls)
    for _ in range(3):
        assert module.forward_exploration(GOOD[cls][0]) is module.answer


@pytest.mark.parametrize("cls", GOOD)
def test_what_the_spec_does_not_name_is_free(cls: type[DiscreteBCTorchModule]):
    module = _module(cls)
    module.answer = {**module.answer, "more": object()}
    module.forward_exploration({**GOOD[cls][0], "more": object()})


@pytest.mark.parametrize("earlier_calls", [0, 1, 5])
@pytest.mark.parametrize(("cls", "batch", "complaint"), BAD_INPUTS)
def test_bad_input_is_named(cls: type[DiscreteBCTorchModule], batch: Any, complaint: str, earlier_calls: int):
    module = _module(cls, earlier_calls=earlier_calls)
    with pytest.raises(SpecCheckingError, match=rf"{cls.__name__}\.forward_exploration \(input\): .*{complaint}"):
        module.forward_exploration(batch)


@pytest.mark.parametrize("earlier_calls", [0, 1, 5])
@pytest.mark.parametrize(("cls", "answer", "complaint"), BAD_OUTPUTS)
def test_bad_output_is_named(cls: type[DiscreteBCTorchModule], answer: Any, complaint: str, earlier_calls: int):
    module = _module(cls, earlier_calls=earlier_calls)
    module.answer = answer
    with pytest.raises(SpecCheckingError, match=rf"{cls.__name__}\.forward_exploration \(output\): .*{complaint}"):
        module.forward_exploration(GOOD[cls][0])


def test_a_bad_call_does_not_spoil_the_next_good_one():
    module = _module(TensorSpecs, earlier_calls=1)
    with pytest.raises(SpecCheckingError):
        module.forward_exploration({"obs": OBS.double()})
    with pytest.raises(SpecCheckingError):
        module.forward_exploration({"obs": OBS.double()})
    assert module.forward_exploration({"obs": torch.zeros(7, 10)}) is module.answer


@pytest.mark.parametrize("phase", ["train", "exploration", "inference"])
@pytest.mark.parametrize("side", ["input", "output"])
def test_all_six_methods_are_heeded(side: str, phase: str):
    specs = {
        f"{a}_specs_{b}": lambda self: None for a in ("input", "output") for b in ("train", "exploration", "inference")
    }
    cls = type("One", (DiscreteBCTorchModule,), {**specs, f"{side}_specs_{phase}": lambda self: ["wanted"]})
    for other in {"train", "exploration", "inference"} - {phase}:
        getattr(cls(), f"forward_{other}")({})
    with pytest.raises(SpecCheckingError, match=rf"One\.forward_{phase} \({side}\).*'wanted'"):
        getattr(cls(), f"forward_{phase}")({})


def test_checks_can_be_switched_off():
    module = _module(SingleLevelKeys)
    with spec_checks("off"):
        assert module.forward_exploration({}) is module.answer
    with pytest.raises(SpecCheckingError):
        module.forward_exploration({})
