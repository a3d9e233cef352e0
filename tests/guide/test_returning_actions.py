"""The guide: what forward_exploration and forward_inference return, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlmodule_core import RLModuleConfig, SpecCheckingError, compute_actions, get_backend, spec_checks
from rlmodule_torch import TorchRLModule

LOGITS = torch.tensor([[0.0, 2.0, -1.0], [1.0, 0.5, 0.0]]).repeat(2000, 1)
GIVEN = torch.tensor([2, 0]).repeat(2000)
BATCH = {"obs": np.zeros((4000, 4), np.float32)}


class MyRLModule(TorchRLModule):
    """Returns the same columns in every phase."""

    def __init__(self, *, start: int = 0, **columns: Any) -> None:
        super().__init__(RLModuleConfig(gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(3, start=start), {}))
        self.columns = columns

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.columns

    _forward_exploration = _forward_inference = _forward_train


def _act(module: TorchRLModule, *, explore: bool, seed: int = 0) -> dict[str, Any]:
    return compute_actions(module, BATCH, explore=explore, rng=get_backend("torch").rng(seed))


def _logp(actions: torch.Tensor) -> torch.Tensor:
    return torch.distributions.Categorical(logits=LOGITS).log_prob(actions)


@pytest.mark.parametrize("explore", [True, False])
def test_actions_are_used_as_they_are(explore: bool):
    out = _act(MyRLModule(actions=GIVEN), explore=explore)
    assert out["actions"] is GIVEN
    assert set(out) == {"actions"}


def test_dist_inputs_beside_them_give_their_probabilities_in_exploration():
    out = _act(MyRLModule(actions=GIVEN, action_dist_inputs=LOGITS), explore=True)
    assert out["actions"] is GIVEN
    torch.testing.assert_close(out["action_logp"], _logp(GIVEN))
    torch.testing.assert_close(out["action_prob"], _logp(GIVEN).exp())


def test_inference_computes_no_probabilities_of_given_actions():
    out = _act(MyRLModule(actions=GIVEN, action_dist_inputs=LOGITS), explore=False)
    assert out["actions"] is GIVEN
    assert set(out) == {"actions", "action_dist_inputs"}


def test_dist_inputs_alone_are_sampled_in_exploration():
    out = _act(MyRLModule(action_dist_inputs=LOGITS), explore=True)
    torch.testing.assert_close(out["action_logp"], _logp(out["actions"]))
    torch.testing.assert_close(out["action_prob"], out["action_logp"].exp())
    for row in (0, 1):
        frequencies = torch.bincount(out["actions"][row::2], minlength=3) / 2000
        # Four standard deviations of a frequency over 2000 draws are below 0.045.
        torch.testing.assert_close(frequencies, LOGITS[row].softmax(-1), atol=0.045, rtol=0)


def test_other_draws_come_from_another_seed():
    module = MyRLModule(action_dist_inputs=LOGITS)
    assert torch.equal(_act(module, explore=True)["actions"], _act(module, explore=True)["actions"])
    assert not torch.equal(_act(module, explore=True)["actions"], _act(module, explore=True, seed=1)["actions"])


def test_dist_inputs_alone_give_the_argmax_in_inference():
    for seed in (0, 1):
        out = _act(MyRLModule(action_dist_inputs=LOGITS), explore=False, seed=seed)
        assert torch.equal(out["actions"], LOGITS.argmax(-1))
        assert "action_logp" not in out


def test_actions_are_counted_from_the_start_of_the_space():
    out = _act(MyRLModule(start=5, action_dist_inputs=LOGITS), explore=True)
    assert set(out["actions"].tolist()) == {5, 6, 7}
    torch.testing.assert_close(out["action_logp"], _logp(out["actions"] - 5))


@pytest.mark.parametrize("explore", [True, False])
def test_everything_else_passes_through(explore: bool):
    extra = torch.ones(4000)
    assert _act(MyRLModule(actions=GIVEN, vf_preds=extra), explore=explore)["vf_preds"] is extra


@pytest.mark.parametrize("earlier_calls", [0, 3])
@pytest.mark.parametrize(("explore", "phase"), [(True, "exploration"), (False, "inference")])
def test_neither_is_an_error_that_cites_the_rule_and_the_keys(explore: bool, phase: str, earlier_calls: int):
    module = MyRLModule(actions=GIVEN, vf_preds=GIVEN)
    for _ in range(earlier_calls):
        _act(module, explore=explore)
    module.columns = {"vf_preds": GIVEN, "logits": LOGITS}
    with pytest.raises(SpecCheckingError) as caught:
        _act(module, explore=explore)
    text = str(caught.value)
    assert f"MyRLModule.forward_{phase} (output)" in text
    assert "'actions' and/or 'action_dist_inputs'" in text
    there = text.split("Keys that were there: ")[1]
    assert "vf_preds" in there
    assert "logits" in there


@pytest.mark.parametrize("explore", [True, False])
def test_it_is_an_error_without_checks_too(explore: bool):
    with spec_checks("off"), pytest.raises(SpecCheckingError, match=r"must return 'actions' and/or .*\['vf_preds'\]"):
        _act(MyRLModule(vf_preds=GIVEN), explore=explore)
