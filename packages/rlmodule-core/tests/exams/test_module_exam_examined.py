from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import Categorical, CategoricalDistribution, ConfigError, RLModuleConfig, get_backend
from rlmodule_core.numpy_backend import NumpyRLModule
from rlmodule_core.plans import Chain, Dense, Weights
from rlmodule_core.testing import ModuleSuite

AssertFails = Callable[[type[Any], Mapping[str, str]], None]


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


class MixesRowsInTraining(Sound):
    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        values = self.vf(batch["obs"])[..., 0]
        return {**super()._forward_train(batch), "vf_preds": values - values[0]}


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


class DropsTheCritic(Sound):
    """Strict in what it knows: only the values show what is missing."""

    def get_state(self) -> Weights:
        return {name: array for name, array in super().get_state().items() if not name.startswith("vf")}

    def set_state(self, state: Mapping[str, Any]) -> None:
        forgotten = {name: array for name, array in super().get_state().items() if name.startswith("vf")}
        super().set_state({**state, **forgotten})


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
        return {"actions": np.random.normal(size=len(batch["obs"]))}


class NeverDeterministic(CategoricalDistribution):
    descriptor, ops = Categorical(3), get_backend("numpy").ops

    def to_deterministic(self) -> Any:
        return self


class DrawsInInference(Sound):
    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": 0 * self.pi(batch["obs"])}

    def get_inference_action_dist_cls(self) -> Any:
        return NeverDeterministic


class SetsUpTwice(Sound):
    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.setup()


class SetsUpLate(Sound):
    """As if the networks were built at the first forward."""

    def __init__(self, config: Any) -> None:
        Sound.setup(self)
        self.config, self._checks = config, None


class UnwrapsToAnother(Sound):
    def unwrapped(self) -> Any:
        return type(self)(self.config)


class OfNoFramework(Sound):
    framework = "jax"


_LEAVES = [(part, leaf) for part in ("pi", "vf") for leaf in ("weight", "bias")]
CHECKPOINT = "a_checkpoint_brings_the_module_back_bit_for_bit"
ANOTHER = "a_state_makes_another_module_the_same_bit_for_bit"
COPY = "a_copy_is_equal_and_independent"
STRICT = "a_state_that_does_not_fit_changes_nothing"
IN_PLACE = "a_state_is_copied_in_and_written_in_place"
DETERMINISTIC = "inference_is_deterministic_whatever_ran_before"
UNTOUCHED = "every_forward_leaves_the_batch_as_it_is"
PERMUTES = "a_batch_permutes_with_its_rows"
AGREE = "exploring_and_training_agree_on_log_probabilities"
ONE_GENERATOR = "exploration_draws_from_the_given_generator_alone"
SETUP = "setup_happens_in_the_constructor_and_names_a_framework"
GUARD = "no_exam_test_is_overridden_without_a_reason"
ALL = {name.removeprefix("test_") for name in dir(ModuleSuite) if name.startswith("test_")}

BROKEN: dict[type[Sound], dict[str, str]] = {
    Sound: {},
    ExploresByOtherInputs: {AGREE: "logp of the actions explored, in training against exploration"},
    NoisyInference: {
        DETERMINISTIC: "forward_inference again, after forward_train, 'out.action_dist_inputs'",
        **dict.fromkeys((PERMUTES, ANOTHER, CHECKPOINT, COPY), ""),
    },
    DrawsInInference: {DETERMINISTIC: "the actions of inference, with another generator"},
    MixesRows: {PERMUTES: "forward_inference: 'out.action_dist_inputs' of permuted rows"},
    MixesRowsInTraining: {PERMUTES: "evaluate_train: 'out.vf_preds' of permuted rows"},
    WritesIntoTheBatch: {
        UNTOUCHED: "the batch after forward_train, 'out.obs'",
        **dict.fromkeys((DETERMINISTIC, AGREE, ANOTHER, CHECKPOINT, COPY), ""),
    },
    AddsToTheBatch: {UNTOUCHED: "the keys of the batch after forward_exploration: expected ['obs'], got ['obs', 'l"},
    DropsAWeight: {
        ANOTHER: "after set_state: evaluate_train, 'out.action_dist_inputs'",
        CHECKPOINT: "from the checkpoint: evaluate_train, 'out.action_dist_inputs'",
        STRICT: "set_state without 'pi.0.weight': expected a StateError, got no error",
    },
    DropsTheCritic: {
        ANOTHER: "after set_state: evaluate_train, 'out.vf_preds'",
        CHECKPOINT: "from the checkpoint: evaluate_train, 'out.vf_preds'",
    },
    NotStrict: {STRICT: "set_state with 'unheard_of' beside the rest: expected a StateError, got no error"},
    RebuildsItsNetworks: {
        IN_PLACE: "the array that held 'pi.0.weight' before",
        STRICT: "the state after a refused set_state",
    },
    GivesAwayItsArrays: {IN_PLACE: "the state after its copy changed, 'pi.0.weight'"},
    CopiesShareWeights: {COPY: "the state after its deep copy changed, 'pi.0.weight'"},
    SkipsTheChecks: {
        "a_batch_without_its_columns_is_refused": "forward_inference of an empty batch: expected a SpecCheckingError",
        "outputs_of_acting_are_checked": "forward_inference that returns 'unheard_of' alone: expected a SpecChecking",
    },
    ClaimsToBePortable: {
        "other_frameworks_compute_the_same_where_the_module_is_portable": "evaluate_train in numpy: 'out.action_dist",
        CHECKPOINT: "",
    },
    UsesTheGlobalGenerator: {
        ONE_GENERATOR: "Acting: expected global generators untouched, got another state of numpy",
        **dict.fromkeys((PERMUTES, ANOTHER, CHECKPOINT, COPY), ""),
    },
    SetsUpTwice: {SETUP: "calls of setup() while one module was made: expected 1, got 2"},
    SetsUpLate: {SETUP: "calls of setup() while one module was made: expected 1, got 0"},
    UnwrapsToAnother: {SETUP: "unwrapped(): expected the module itself, got another object"},
    OfNoFramework: {**dict.fromkeys(ALL - {GUARD}, ""), SETUP: "No backend named 'jax' is installed"},
}

FAKES = {ModuleSuite: [*BROKEN.values()]}


def _suite(module: type[Any]) -> type[ModuleSuite]:
    return type("Suite", (ModuleSuite,), {"module_class": module})


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_module_fails(assert_fails: AssertFails, broken: type[Sound]):
    assert_fails(_suite(broken), BROKEN[broken])


def test_a_module_without_spaces_needs_batches_of_its_own():
    class Suite(ModuleSuite):
        def make_module(self) -> Sound:
            return Sound(RLModuleConfig(action_space=gym.spaces.Discrete(3)))

    with pytest.raises(ConfigError, match=r"Sound has no observation space .* Override Suite\.make_batch"):
        Suite().test_a_batch_permutes_with_its_rows()
