"""The guide: what forward_exploration and forward_inference return, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import (
    RLModule,
    SingleAgentRLModuleSpec,
    SpecCheckingError,
    compute_actions,
    get_backend,
    spec_checks,
)

LOGITS = np.tile(np.array([[0.0, 2.0, -1.0], [1.0, 0.5, 0.0]], np.float32), (2000, 1))
GIVEN = np.tile(np.array([2, 0]), 2000)
OBS = np.zeros((4000, 4), np.float32)


class MyRLModule(RLModule):
    """Returns what is beside the observations in the batch."""

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: column for name, column in batch.items() if name != "obs"}

    _forward_exploration = _forward_inference = _forward_train


class Returning:
    """A module in a framework, and what is returned by it."""

    def __init__(self, framework: str, start: int = 0) -> None:
        spaces = gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(3, start=start)
        self.module: Any = SingleAgentRLModuleSpec(MyRLModule, *spaces, {}).build(framework=framework)
        self.backend = get_backend(framework)

    def act(self, *, explore: bool, seed: int = 0, **columns: Any) -> dict[str, Any]:
        """What becomes of the columns, in numpy."""
        batch = self.backend.batch(None, {"obs": OBS, **columns})
        out = compute_actions(self.module, batch, explore=explore, rng=self.backend.rng(seed))
        if self.backend.name != "tf2":
            # A graph gives tensors of its own.
            assert all(out[name] is batch[name] for name in columns)
        return self.backend.to_numpy(out)


@pytest.fixture
def returning(framework: str) -> Returning:
    return Returning(framework)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    exact = logits.astype(np.float64)
    return exact - np.log(np.exp(exact).sum(-1, keepdims=True))


def _require_logp(out: Mapping[str, Any], actions: np.ndarray) -> None:
    expected = _log_softmax(LOGITS)[np.arange(4000), actions]
    np.testing.assert_allclose(out["action_logp"], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(out["action_prob"], np.exp(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("explore", [True, False])
def test_actions_are_used_as_they_are(returning: Returning, explore: bool):
    out = returning.act(actions=GIVEN, explore=explore)
    np.testing.assert_array_equal(out["actions"], GIVEN)
    assert set(out) == {"actions"}


def test_dist_inputs_beside_them_give_their_probabilities_in_exploration(returning: Returning):
    out = returning.act(actions=GIVEN, action_dist_inputs=LOGITS, explore=True)
    np.testing.assert_array_equal(out["actions"], GIVEN)
    _require_logp(out, GIVEN)


def test_inference_computes_no_probabilities_of_given_actions(returning: Returning):
    out = returning.act(actions=GIVEN, action_dist_inputs=LOGITS, explore=False)
    np.testing.assert_array_equal(out["actions"], GIVEN)
    assert set(out) == {"actions", "action_dist_inputs"}


def test_dist_inputs_alone_are_sampled_in_exploration(returning: Returning):
    out = returning.act(action_dist_inputs=LOGITS, explore=True)
    _require_logp(out, out["actions"])
    for row in (0, 1):
        frequencies = np.bincount(out["actions"][row::2], minlength=3) / 2000
        # Four standard deviations of a frequency over 2000 draws are below 0.045.
        np.testing.assert_allclose(frequencies, np.exp(_log_softmax(LOGITS[row])), atol=0.045, rtol=0)


def test_other_draws_come_from_another_seed(returning: Returning):
    first, again, other = (
        returning.act(action_dist_inputs=LOGITS, explore=True, seed=seed)["actions"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_dist_inputs_alone_give_the_argmax_in_inference(returning: Returning):
    for seed in (0, 1):
        out = returning.act(action_dist_inputs=LOGITS, explore=False, seed=seed)
        np.testing.assert_array_equal(out["actions"], LOGITS.argmax(-1))
        assert "action_logp" not in out


def test_actions_are_counted_from_the_start_of_the_space(framework: str):
    out = Returning(framework, start=5).act(action_dist_inputs=LOGITS, explore=True)
    assert set(out["actions"].tolist()) == {5, 6, 7}
    _require_logp(out, out["actions"] - 5)


@pytest.mark.parametrize("explore", [True, False])
def test_everything_else_passes_through(returning: Returning, explore: bool):
    extra = np.linspace(0, 1, 4000, dtype=np.float32)
    np.testing.assert_array_equal(returning.act(actions=GIVEN, vf_preds=extra, explore=explore)["vf_preds"], extra)


@pytest.mark.parametrize("earlier_calls", [0, 3])
@pytest.mark.parametrize(("explore", "phase"), [(True, "exploration"), (False, "inference")])
def test_neither_is_an_error_that_cites_the_rule_and_the_keys(
    returning: Returning, explore: bool, phase: str, earlier_calls: int
):
    for _ in range(earlier_calls):
        returning.act(actions=GIVEN, vf_preds=GIVEN, explore=explore)
    with pytest.raises(SpecCheckingError) as caught:
        returning.act(vf_preds=GIVEN, logits=LOGITS, explore=explore)
    text = str(caught.value)
    assert f"MyRLModule.forward_{phase} (output)" in text
    assert "'actions' and/or 'action_dist_inputs'" in text
    there = text.split("Keys that were there: ")[1]
    assert "vf_preds" in there
    assert "logits" in there


@pytest.mark.parametrize("explore", [True, False])
def test_it_is_an_error_without_checks_too(returning: Returning, explore: bool):
    with spec_checks("off"), pytest.raises(SpecCheckingError, match=r"must return 'actions' and/or .*\['vf_preds'\]"):
        returning.act(vf_preds=GIVEN, explore=explore)
