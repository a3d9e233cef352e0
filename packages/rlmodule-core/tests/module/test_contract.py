from __future__ import annotations

import copy
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import (
    ConfigError,
    RLModule,
    RLModuleConfig,
    SpecCheckingError,
    compute_actions,
    get_backend,
    spec_checks,
)
from rlmodule_core.numpy_backend import NumpyRLModule

_PHASES = ("train", "exploration", "inference")


class _Counting(NumpyRLModule):
    """Counts the calls of what the base decides when to call."""

    def setup(self) -> None:
        self.calls: list[str] = [*getattr(self, "calls", []), "setup"]
        self.wanted: Any = ["obs"]
        self.output: Any = {"actions": np.zeros(2)}

    def input_specs_train(self) -> Any:
        self.calls.append("input_specs_train")
        return self.wanted

    def _forward_train(self, batch: Any) -> Any:
        self.calls.append("train")
        return self.output

    def _forward_exploration(self, batch: Any) -> Any:
        self.calls.append("exploration")
        return self.output

    def _forward_inference(self, batch: Any) -> Any:
        self.calls.append("inference")
        return self.output


def test_setup_runs_once_and_before_the_constructor_returns():
    module = _Counting(None)
    assert module.calls == ["setup"]
    assert module.config is None


def test_setup_sees_the_config():
    class Sees(_Counting):
        def setup(self) -> None:
            super().setup()
            self.seen = self.config

    config = RLModuleConfig(model_config_dict={"any": "key"})
    assert Sees(config).seen is config


@pytest.mark.parametrize("phase", _PHASES)
def test_a_class_without_one_of_the_forwards_cannot_be_made(phase: str):
    forwards = {f"_forward_{other}": lambda self, batch: {} for other in _PHASES if other != phase}
    with pytest.raises(TypeError, match=f"_forward_{phase}"):
        type("Lacking", (NumpyRLModule,), forwards)()


@pytest.mark.parametrize("phase", _PHASES)
def test_a_public_forward_returns_the_very_dict_of_its_own_private_one(phase: str):
    module = _Counting()
    assert getattr(module, f"forward_{phase}")({"obs": np.zeros(2)}) is module.output
    assert module.calls[-1] == phase


@pytest.mark.parametrize("phase", _PHASES)
def test_the_batch_reaches_the_forward_as_it_is(phase: str):
    seen = []
    module = _Counting()
    setattr(module, f"_forward_{phase}", lambda batch: seen.append(batch) or module.output)
    batch = {"obs": [1.0, "anything"], "more": object()}
    getattr(module, f"forward_{phase}")(batch)
    assert seen[0] is batch


def test_whether_there_is_a_state_is_decided_once_and_again_after_invalidate():
    class Growing(NumpyRLModule):
        size, asked = 0, 0

        def get_initial_state(self):
            self.asked += 1
            return {"h": np.zeros(self.size)} if self.size else {}

        def _forward_train(self, batch):
            return {"actions": batch["obs"]}

        _forward_exploration = _forward_inference = _forward_train

    module = Growing()
    assert not module.is_stateful()
    for _ in range(3):
        compute_actions(module, {"obs": np.zeros((2, 1))}, explore=False)
    assert module.asked == 1
    module.size = 3
    module.invalidate()
    assert module.is_stateful()


def test_specs_are_decided_at_the_first_forward_and_again_after_invalidate():
    module = _Counting()
    module.wanted = ["obs", "mask"]
    with pytest.raises(SpecCheckingError, match="mask"):
        module.forward_train({"obs": 1})
    module.wanted = ["obs"]
    with pytest.raises(SpecCheckingError, match="mask"):
        module.forward_train({"obs": 1})
    assert module.calls.count("input_specs_train") == 1
    module.invalidate()
    assert module.forward_train({"obs": 1}) is module.output


@pytest.mark.parametrize("phase", _PHASES)
def test_observations_are_required_before_the_forward_runs(phase: str):
    module = _Counting()
    with pytest.raises(SpecCheckingError, match=rf"_Counting\.forward_{phase}.*obs"):
        getattr(module, f"forward_{phase}")({"observations": 1})
    assert phase not in module.calls


@pytest.mark.parametrize("phase", ["exploration", "inference"])
def test_acting_must_return_actions_or_a_distribution(phase: str):
    module = _Counting()
    forward = getattr(module, f"forward_{phase}")
    for key in ("actions", "action_dist_inputs", "action_dist"):
        module.output = {key: 1}
        assert forward({"obs": 1}) is module.output
    module.output = {"vf_preds": 1}
    with pytest.raises(SpecCheckingError) as caught:
        forward({"obs": 1})
    assert all(part in str(caught.value) for part in ("actions", "action_dist_inputs", "vf_preds", f"forward_{phase}"))


def test_training_may_return_anything():
    module = _Counting()
    module.output = {}
    assert module.forward_train({"obs": 1}) == {}


def test_checks_can_be_switched_off():
    module = _Counting()
    with spec_checks("off"):
        assert module.forward_train({}) is module.output


def test_a_default_module_is_stateless():
    assert _Counting().get_initial_state() == {}
    assert not _Counting().is_stateful()
    recurrent = type("Recurrent", (_Counting,), {"get_initial_state": lambda self: {"h": np.zeros(3)}})
    assert recurrent().is_stateful()


@pytest.mark.parametrize("phase", _PHASES)
def test_the_default_distribution_is_that_of_the_action_space(phase: str):
    getter = f"get_{phase}_action_dist_cls"
    module = _Counting(RLModuleConfig(action_space=gym.spaces.Discrete(3, start=1)))
    assert getattr(module, getter)().descriptor.start == 1
    with pytest.raises(ConfigError, match=f"no action space.*{getter}"):
        getattr(_Counting(), getter)()


def test_a_module_without_a_framework_says_what_to_derive_from():
    neutral = type("Neutral", (RLModule,), {f"_forward_{phase}": lambda self, batch: {} for phase in _PHASES})
    with pytest.raises(ConfigError, match=r"Neutral names no framework.*TorchRLModule"):
        neutral().get_state()


def test_unwrapped_is_the_module_itself():
    module = _Counting()
    assert module.unwrapped() is module


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_have_the_one_backend_of_the_process(discrete_module: Any, duplicate: Any):
    discrete_module.forward_inference({"obs": np.zeros((1, 4), np.float32)})
    assert duplicate(discrete_module).backend is discrete_module.backend is get_backend("numpy")


def test_compiling_where_there_is_no_compiler_changes_nothing():
    module = _Counting()
    module.compile()
    assert module.forward_train({"obs": 1}) is module.output
