"""The guide: the four kinds of input and output specs, on the first call and on later ones."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from own_layers import tensor

from rlmodule_core import SpecCheckingError, SpecType, TensorSpec, get_backend, spec_checks

KINDS = ("SingleLevelKeys", "NestedKeys", "TensorSpecs", "TypeSpecs")


class Task:
    """The modules of a framework, and good and bad columns for them.

    A module answers with what is beside the observations, as it is, so that a test can spoil input and output apart.
    """

    def __init__(self, framework: str, user: ModuleType) -> None:
        self.framework, self.user = framework, user
        self.tensor_type = get_backend(framework).ops.tensor_type
        self.obs, self.dist = self.zeros(3, 10), user.Categorical.from_logits(self.zeros(3, 2))
        self.good: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
            "SingleLevelKeys": ({"obs": self.obs}, {"action_dist_inputs": self.obs}),
            "NestedKeys": (
                {"obs": {"global": self.obs, "local": self.obs}, "action_mask": self.obs},
                {"action_dist_inputs": {"move": self.obs}, "vf_preds": self.obs},
            ),
            "TensorSpecs": ({"obs": self.obs}, {"action_dist_inputs": self.zeros(3, 2)}),
            "TypeSpecs": ({"obs": self.obs, "count": 3}, {"action_dist": self.dist}),
        }

    def zeros(self, *shape: int, dtype: Any = np.float32) -> Any:
        return tensor(self.framework, np.zeros(shape, dtype))

    def module(self, kind: str, *, earlier_calls: int = 0) -> Any:
        module = type(kind, (self._answering(),), self._specs()[kind])()
        for _ in range(earlier_calls):
            self.forward(module, *self.good[kind])
        return module

    def forward(self, module: Any, batch: Any, answer: Any) -> Any:
        return module.forward_exploration({**batch, "answer": answer} if isinstance(batch, Mapping) else batch)

    def _answering(self) -> Any:
        class Answering(self.user.Base):  # type: ignore[misc, name-defined]
            def _forward_exploration(self, batch: Mapping[str, Any]) -> Any:
                return batch.get("answer", {})

            _forward_inference = _forward_train = _forward_exploration

        return Answering

    def _specs(self) -> dict[str, Any]:
        specs: dict[str, tuple[SpecType, SpecType]] = {
            "SingleLevelKeys": (["obs"], ["action_dist_inputs"]),
            "NestedKeys": (
                [("obs", "global"), ("obs", "local"), "action_mask"],
                [("action_dist_inputs", "move"), "vf_preds"],
            ),
            "TensorSpecs": (
                {"obs": TensorSpec("b, h", h=10, dtype="float32", framework=self.framework)},
                {"action_dist_inputs": TensorSpec("b, a", a=2, framework=self.framework)},
            ),
            "TypeSpecs": (
                {"obs": (self.tensor_type, np.ndarray), "count": int},
                {"action_dist": self.user.Categorical},
            ),
        }
        return {
            kind: {"input_specs_exploration": lambda self, i=i: i, "output_specs_exploration": lambda self, o=o: o}
            for kind, (i, o) in specs.items()
        }


@pytest.fixture
def task(framework: str, user: ModuleType) -> Task:
    return Task(framework, user)


TENSOR = r"\S*Tensor"
"""As each framework calls it."""
BAD_INPUTS: list[tuple[str, Any, str]] = [
    ("SingleLevelKeys", lambda task: {"observations": task.obs}, r"the key 'obs', which is missing.*'observations'"),
    ("SingleLevelKeys", lambda task: task.obs, rf"expected a mapping with the keys \['obs'\], got a {TENSOR}"),
    ("NestedKeys", lambda task: {"obs": {"global": task.obs}, "action_mask": task.obs}, r"'obs'.*'local'.*missing"),
    ("NestedKeys", lambda task: {"obs": {"global": task.obs, "local": task.obs}}, r"'action_mask'.*missing"),
    ("NestedKeys", lambda task: {"obs": task.obs, "action_mask": task.obs}, r"'obs'.*'global'.*missing"),
    (
        "TensorSpecs",
        lambda task: {"obs": task.zeros(3, 9)},
        rf"'obs'.*of shape \('b', 10\).*got a {TENSOR} of shape \(3, 9\)",
    ),
    ("TensorSpecs", lambda task: {"obs": task.zeros(10)}, rf"'obs'.*got a {TENSOR} of shape \(10,\)"),
    ("TensorSpecs", lambda task: {"obs": task.zeros(3, 1, 10)}, rf"'obs'.*got a {TENSOR} of shape \(3, 1, 10\)"),
    (
        "TensorSpecs",
        lambda task: {"obs": task.zeros(3, 10, dtype=np.float64)},
        r"'obs'.*dtype float32, got .*dtype float64",
    ),
    (
        "TensorSpecs",
        lambda task: {"obs": np.zeros((3, 10), np.float32)},
        rf"'obs'.*expected a {TENSOR}.*got a numpy.ndarray",
    ),
    ("TensorSpecs", lambda task: {"obs": None}, r"'obs'.*got a value of type NoneType"),
    ("TensorSpecs", lambda task: {"Obs": task.obs}, r"'obs', which is missing.*'Obs'"),
    (
        "TypeSpecs",
        lambda task: {"obs": [1.0], "count": 3},
        rf"'obs'.*{TENSOR} or numpy.ndarray, got a value of type list",
    ),
    (
        "TypeSpecs",
        lambda task: {"obs": task.obs, "count": 3.0},
        r"'count'.*expected a value of type int, got a value of type float",
    ),
]
BAD_OUTPUTS: list[tuple[str, Any, str]] = [
    ("SingleLevelKeys", lambda task: {"actions": task.obs}, r"'action_dist_inputs', which is missing.*'actions'"),
    ("SingleLevelKeys", lambda task: None, r"expected a mapping.*NoneType"),
    (
        "NestedKeys",
        lambda task: {"action_dist_inputs": {"look": task.obs}, "vf_preds": task.obs},
        r"'move'.*missing",
    ),
    (
        "TensorSpecs",
        lambda task: {"action_dist_inputs": task.zeros(3, 4)},
        r"'action_dist_inputs'.*got .*shape \(3, 4\)",
    ),
    ("TensorSpecs", lambda task: {"action_dist_inputs": task.zeros(3)}, r"'action_dist_inputs'.*got .*shape \(3,\)"),
    (
        "TensorSpecs",
        lambda task: {"action_dist_inputs": np.zeros((3, 2))},
        r"'action_dist_inputs'.*got a numpy.ndarray",
    ),
    ("TypeSpecs", lambda task: {"action_dist": task.obs}, rf"'action_dist'.*Categorical, got a {TENSOR}"),
    (
        "TypeSpecs",
        lambda task: {"action_dist": task.user.Always(task.obs)},
        r"'action_dist'.*got a value of type .*Deterministic",
    ),
]


@pytest.mark.parametrize("kind", KINDS)
def test_good_data_pass_and_come_back_as_they_are(task: Task, kind: str):
    module, (batch, answer) = task.module(kind), task.good[kind]
    for _ in range(3):
        found = task.forward(module, batch, answer)
        assert found.keys() == answer.keys()
        # A graph gives tensors of its own.
        assert task.framework == "tf2" or found is answer


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_spec_does_not_name_is_free(task: Task, kind: str):
    module, (batch, answer) = task.module(kind), task.good[kind]
    more: Any = object()
    assert task.forward(module, {**batch, "more": more}, {**answer, "more": more})["more"] is more


@pytest.mark.parametrize("earlier_calls", [0, 1, 5])
@pytest.mark.parametrize(("kind", "make", "complaint"), BAD_INPUTS)
def test_bad_input_is_named(task: Task, kind: str, make: Any, complaint: str, earlier_calls: int):
    module = task.module(kind, earlier_calls=earlier_calls)
    with pytest.raises(SpecCheckingError, match=rf"{kind}\.forward_exploration \(input\): .*{complaint}"):
        task.forward(module, make(task), task.good[kind][1])


@pytest.mark.parametrize("earlier_calls", [0, 1, 5])
@pytest.mark.parametrize(("kind", "make", "complaint"), BAD_OUTPUTS)
def test_bad_output_is_named(task: Task, kind: str, make: Any, complaint: str, earlier_calls: int):
    module = task.module(kind, earlier_calls=earlier_calls)
    with pytest.raises(SpecCheckingError, match=rf"{kind}\.forward_exploration \(output\): .*{complaint}"):
        task.forward(module, task.good[kind][0], make(task))


def test_a_bad_call_does_not_spoil_the_next_good_one(task: Task):
    module, answer = task.module("TensorSpecs", earlier_calls=1), task.good["TensorSpecs"][1]
    for _ in range(2):
        with pytest.raises(SpecCheckingError):
            task.forward(module, {"obs": task.zeros(3, 10, dtype=np.float64)}, answer)
    assert task.forward(module, {"obs": task.zeros(7, 10)}, answer).keys() == answer.keys()


@pytest.mark.parametrize("phase", ["train", "exploration", "inference"])
@pytest.mark.parametrize("side", ["input", "output"])
def test_all_six_methods_are_heeded(task: Task, side: str, phase: str):
    specs = {
        f"{a}_specs_{b}": lambda self: None for a in ("input", "output") for b in ("train", "exploration", "inference")
    }
    cls = type("One", (task._answering(),), {**specs, f"{side}_specs_{phase}": lambda self: ["wanted"]})
    for other in {"train", "exploration", "inference"} - {phase}:
        getattr(cls(), f"forward_{other}")({})
    with pytest.raises(SpecCheckingError, match=rf"One\.forward_{phase} \({side}\).*'wanted'"):
        getattr(cls(), f"forward_{phase}")({})


def test_checks_can_be_switched_off(task: Task):
    module, answer = task.module("SingleLevelKeys"), task.good["SingleLevelKeys"][1]
    with spec_checks("off"):
        assert task.forward(module, {}, answer).keys() == answer.keys()
    with pytest.raises(SpecCheckingError):
        task.forward(module, {}, answer)
