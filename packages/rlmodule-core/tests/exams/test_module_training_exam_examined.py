from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from rlmodule_core import (
    ActorCriticEncoderConfig,
    ActorCriticRLModule,
    Categorical,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModulePlans,
    RLModuleConfig,
)
from rlmodule_core.testing import ModuleSuite

torch = pytest.importorskip("torch")
rlmodule_torch = pytest.importorskip("rlmodule_torch")

AssertFails = Callable[[type[Any], Mapping[str, str]], None]


class Sound(rlmodule_torch.TorchRLModule):
    def setup(self) -> None:
        self.pi, self.vf = torch.nn.Linear(4, 3), torch.nn.Linear(4, 1)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**self._forward_exploration(batch), "vf_preds": self.vf(batch["obs"])[..., 0]}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.pi(batch["obs"])}

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.pi(batch["obs"])}


class LeavesDropoutOn(Sound):
    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._forward_train({"obs": torch.dropout(batch["obs"], 0.5, not self.training)})

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._forward_exploration({"obs": torch.dropout(batch["obs"], 0.5, not self.training)})

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._forward_exploration(batch)


class RecordsWhileActing(Sound):
    def _acting(self, forward: Any, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return forward(batch)


class RemembersWhatItExplored(Sound):
    """Right for the very rows that it acted on, in their order."""

    seen: Any = None

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        object.__setattr__(self, "seen", self.pi(batch["obs"]).detach())
        return {"action_dist_inputs": self.seen}

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        output = {"action_dist_inputs": self.pi(batch["obs"]), "vf_preds": self.vf(batch["obs"])[..., 0]}
        return (
            output
            if self.seen is None
            else {**output, "action_dist_inputs": self.seen + 0 * output["action_dist_inputs"]}
        )


AGREE, RATIO = "exploring_and_training_agree_on_log_probabilities", "the_ratio_is_one_before_the_first_step"
CENTRAL = "gradients_are_those_of_central_differences_where_the_module_is_portable"

BROKEN: dict[type[Sound], dict[str, str]] = {
    Sound: {},
    LeavesDropoutOn: dict.fromkeys(
        (
            "a_batch_permutes_with_its_rows",
            "a_checkpoint_brings_the_module_back_bit_for_bit",
            "a_copy_is_equal_and_independent",
            "a_state_makes_another_module_the_same_bit_for_bit",
            "exploration_draws_from_the_given_generator_alone",
            "inference_is_deterministic_whatever_ran_before",
            AGREE,
            RATIO,
        ),
        "",
    ),
    RecordsWhileActing: {"acting_records_no_gradients": "what the outputs of forward_exploration add to gradients"},
    RemembersWhatItExplored: {RATIO: "the ratio of probabilities, training to exploration, of rows [3, 0, 5, 1, 4, 2]"},
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_module_that_is_trained_wrongly_fails(assert_fails: AssertFails, broken: type[Sound]):
    assert_fails(type("Suite", (ModuleSuite,), {"module_class": broken}), BROKEN[broken])


class Standard(ModuleSuite):
    def make_module(self) -> Any:
        base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(5,), hidden_layer_activation="tanh")
        encoder = ActorCriticEncoderConfig(base_encoder_config=base, shared=True).plan()
        heads = (MLPHeadConfig(input_dims=(5,), hidden_layer_dims=(), output_layer_dim=dim).plan() for dim in (3, 1))
        plans = ModulePlans(encoder, *heads, *([Categorical(3)] * 3))
        spaces = self.observation_space, self.action_space
        return rlmodule_torch.TorchActorCriticRLModule(RLModuleConfig(*spaces, {}, plans=plans))


ENCODER_UNTAUGHT_BY_THE_CRITIC = {CENTRAL: "TorchActorCriticRLModule: the gradient of 'encoder."}


def test_a_critic_that_does_not_teach_the_shared_encoder_fails(
    assert_fails: AssertFails, monkeypatch: pytest.MonkeyPatch
):
    assert_fails(Standard, {})
    right = ActorCriticRLModule._values
    monkeypatch.setattr(ActorCriticRLModule, "_values", lambda self, x: right(self, self.backend.ops.stop_gradient(x)))
    assert_fails(Standard, ENCODER_UNTAUGHT_BY_THE_CRITIC)


FAKES = {ModuleSuite: [*BROKEN.values(), ENCODER_UNTAUGHT_BY_THE_CRITIC]}
