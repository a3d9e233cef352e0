from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import ConfigError, RLModuleConfig
from rlmodule_core.numpy_backend import NumpyRLModule
from rlmodule_core.plans import Chain, Dense, Weights
from rlmodule_core.testing import ModuleSuite, overrides_exam


class Sound(NumpyRLModule):
    """A module of its user's own that keeps the contract."""

    def setup(self) -> None:
        self.pi, self.vf = (self.backend.lower(Chain((Dense(4, width),))) for width in (3, 1))

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.pi(batch["obs"]), "vf_preds": self.vf(batch["obs"])[..., 0]}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.pi(batch["obs"])}

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.pi(batch["obs"])}


class ExploresByOtherInputs(Sound):
    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": 0.5 * self.pi(batch["obs"])}


class NoisyInference(Sound):
    generator = np.random.default_rng(0)

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        noise = self.generator.normal(size=(len(batch["obs"]), 3)).astype(np.float32)
        return {"action_dist_inputs": self.pi(batch["obs"]) + noise}


class MixesRows(Sound):
    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        out = self.pi(batch["obs"])
        return {"action_dist_inputs": out - out[:1]}


class WritesIntoTheBatch(Sound):
    def _forward_train(self, batch: Any) -> Mapping[str, Any]:
        batch["obs"] *= 2
        return super()._forward_train(batch)


class AddsToTheBatch(Sound):
    def _forward_exploration(self, batch: Any) -> Mapping[str, Any]:
        batch["latents"] = batch["obs"]
        return super()._forward_exploration(batch)


class DropsAWeight(Sound):
    def get_state(self) -> Weights:
        state = super().get_state()
        del state["pi.0.bias"]
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        super().set_state({**super().get_state(), **state})


class NotStrict(Sound):
    def set_state(self, state: Mapping[str, Any]) -> None:
        super().set_state({**self.get_state(), **{name: a for name, a in state.items() if name in self.get_state()}})


class RebuildsItsNetworks(Sound):
    def set_state(self, state: Mapping[str, Any]) -> None:
        self.setup()
        super().set_state(state)


class GivesAwayItsArrays(Sound):
    def get_state(self) -> Weights:
        return {f"{part}.0.{leaf}": getattr(self, part).children["0"].weights[leaf] for part, leaf in _LEAVES}


class CopiesShareWeights(Sound):
    def __deepcopy__(self, memo: Any) -> Any:
        twin = type(self)(self.config)
        twin.pi, twin.vf = self.pi, self.vf
        return twin


class SkipsTheChecks(Sound):
    def forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._forward_inference(batch)


class ClaimsToBePortable(Sound):
    def non_portable_part(self) -> None:
        return None

    def to_framework(self, name: str) -> Any:
        return Sound(self.config)


class UsesTheGlobalGenerator(Sound):
    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        actions = np.random.randint(3, size=len(batch["obs"]))
        return {"actions": actions}


_LEAVES = [(part, leaf) for part in ("pi", "vf") for leaf in ("weight", "bias")]
CHECKPOINT = "a_checkpoint_brings_the_module_back_bit_for_bit"
ANOTHER = "a_state_makes_another_module_the_same_bit_for_bit"
COPY = "a_copy_is_equal_and_independent"
STRICT = "a_state_that_does_not_fit_changes_nothing"
IN_PLACE = "a_state_is_copied_in_and_written_in_place"
DETERMINISTIC = "inference_is_deterministic_whatever_ran_before"
UNTOUCHED = "every_forward_leaves_the_batch_as_it_is"

BROKEN: dict[type[Sound], set[str]] = {
    Sound: set(),
    ExploresByOtherInputs: {"exploring_and_training_agree_on_log_probabilities"},
    NoisyInference: {DETERMINISTIC, "a_batch_permutes_with_its_rows", ANOTHER, CHECKPOINT, COPY},
    MixesRows: {"a_batch_permutes_with_its_rows"},
    WritesIntoTheBatch: {UNTOUCHED, DETERMINISTIC, "exploring_and_training_agree_on_log_probabilities"},
    AddsToTheBatch: {UNTOUCHED},
    DropsAWeight: {ANOTHER, CHECKPOINT, STRICT},
    NotStrict: {STRICT},
    RebuildsItsNetworks: {IN_PLACE, STRICT},
    GivesAwayItsArrays: {IN_PLACE},
    CopiesShareWeights: {COPY},
    SkipsTheChecks: {"a_batch_without_its_columns_is_refused", "outputs_of_acting_are_checked"},
    ClaimsToBePortable: {"other_frameworks_compute_the_same_where_the_module_is_portable", CHECKPOINT},
    UsesTheGlobalGenerator: {
        "exploration_draws_from_the_given_generator_alone",
        "a_batch_permutes_with_its_rows",
        ANOTHER,
        CHECKPOINT,
        COPY,
    },
}


def _suite(module: type[Any]) -> type[ModuleSuite]:
    return type("Suite", (ModuleSuite,), {"module_class": module})


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_module_fails(failing: Any, broken: type[Sound]):
    assert failing(_suite(broken)) == BROKEN[broken]


def test_dropout_that_is_left_on_fails(failing: Any):
    torch = pytest.importorskip("torch")
    base = pytest.importorskip("rlmodule_torch").TorchRLModule

    class DropoutLeftOn(base):
        on: ClassVar[bool] = True

        def setup(self) -> None:
            self.net = torch.nn.Linear(4, 3)

        def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"action_dist_inputs": self.net(torch.dropout(batch["obs"], 0.5, self.on and not self.training))}

        _forward_exploration = _forward_inference = _forward_train

    expected = {DETERMINISTIC, "exploration_draws_from_the_given_generator_alone", ANOTHER, CHECKPOINT, COPY}
    expected |= {"a_batch_permutes_with_its_rows", "exploring_and_training_agree_on_log_probabilities"}
    assert failing(_suite(DropoutLeftOn)) == expected
    DropoutLeftOn.on = False
    assert failing(_suite(DropoutLeftOn)) == set()


GUARD = "no_exam_test_is_overridden_without_a_reason"


class Examinee(ModuleSuite):
    module_class = Sound


def _passes(self: Any) -> None:
    return None


@pytest.mark.parametrize("replacement", [_passes, None])
def test_an_override_without_a_reason_fails(failing: Any, replacement: Any):
    suite = type("Suite", (Examinee,), {"test_a_batch_permutes_with_its_rows": replacement})
    assert GUARD in failing(suite)


def test_an_override_by_a_mixin_fails(failing: Any):
    mixin = type("Mixin", (), {"test_a_batch_permutes_with_its_rows": _passes})
    assert failing(type("Suite", (mixin, Examinee), {})) == {GUARD}


def test_an_override_with_a_reason_and_tests_of_one_s_own_pass(failing: Any):
    @overrides_exam(reason="Rows meet in the attention over the batch.")
    def replacement(self: Any) -> None:
        return None

    tests = {"test_a_batch_permutes_with_its_rows": replacement, "test_more": _passes}
    assert failing(type("Suite", (Examinee,), tests)) == set()


def test_the_reason_and_the_guard_cannot_be_left_out():
    with pytest.raises(ConfigError, match="the reason why"):
        overrides_exam(reason=" ")
    with pytest.raises(ConfigError, match=f"Suite replaces test_{GUARD}"):
        type("Suite", (Examinee,), {f"test_{GUARD}": _passes})


def test_a_module_without_spaces_needs_batches_of_its_own():
    class Suite(ModuleSuite):
        def make_module(self) -> Sound:
            return Sound(RLModuleConfig(action_space=gym.spaces.Discrete(3)))

    with pytest.raises(ConfigError, match=r"Sound has no observation space\. Override .*make_batch"):
        Suite().test_a_batch_permutes_with_its_rows()
