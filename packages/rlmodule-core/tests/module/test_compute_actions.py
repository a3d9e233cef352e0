from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import (
    Categorical,
    DiagGaussian,
    RLModuleConfig,
    SpecCheckingError,
    compute_actions,
    get_backend,
    spec_checks,
)

_CONFIG = RLModuleConfig(gym.spaces.Box(-1, 1, (2,)), gym.spaces.Discrete(3))
_BATCH = {"obs": np.zeros((5, 2))}
_LOGITS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
_ACTIONS = np.array([2, 0, 1, 1, 2])


def _logp(actions: np.ndarray) -> np.ndarray:
    p = np.exp(_LOGITS.astype(np.float64))
    return np.log((p / p.sum(axis=1, keepdims=True))[np.arange(5), actions])


def _rng() -> Any:
    return get_backend("numpy").rng(3)


@pytest.mark.parametrize("explore", [True, False])
def test_actions_alone_are_used_as_they_are(returning: Any, explore: bool):
    out = compute_actions(returning(_CONFIG, actions=_ACTIONS, vf_preds=7), _BATCH, explore=explore)
    assert out.keys() == {"actions", "vf_preds"}
    assert out["actions"] is _ACTIONS


def test_exploration_adds_the_log_probability_of_the_actions_given(returning: Any):
    module = returning(_CONFIG, actions=_ACTIONS, action_dist_inputs=_LOGITS)
    out = compute_actions(module, _BATCH, explore=True)
    assert out["actions"] is _ACTIONS
    np.testing.assert_allclose(out["action_logp"], _logp(_ACTIONS), rtol=1e-5)
    np.testing.assert_allclose(out["action_prob"], np.exp(_logp(_ACTIONS)), rtol=1e-5)


def test_inference_takes_the_actions_given_and_adds_nothing(returning: Any):
    module = returning(_CONFIG, actions=_ACTIONS, action_dist_inputs=_LOGITS)
    out = compute_actions(module, _BATCH, explore=False)
    assert out == {"actions": _ACTIONS, "action_dist_inputs": _LOGITS}


def test_exploration_draws_from_the_inputs_with_the_generator_given(returning: Any):
    out = compute_actions(returning(_CONFIG, action_dist_inputs=_LOGITS), _BATCH, explore=True, rng=_rng())
    expected = Categorical(3).bind(get_backend("numpy").ops).from_logits(_LOGITS).sample(rng=_rng())
    np.testing.assert_array_equal(out["actions"], expected)
    np.testing.assert_allclose(out["action_logp"], _logp(expected), rtol=1e-5)
    np.testing.assert_allclose(out["action_prob"], np.exp(out["action_logp"]), rtol=1e-6)
    assert out["action_dist_inputs"] is _LOGITS


def test_inference_is_deterministic(returning: Any):
    module = returning(_CONFIG, action_dist_inputs=_LOGITS, extra="kept")
    for _ in range(3):
        out = compute_actions(module, _BATCH, explore=False)
        np.testing.assert_array_equal(out["actions"], _LOGITS.argmax(axis=1))
        assert out.keys() == {"actions", "action_dist_inputs", "extra"}


def test_a_distribution_object_stands_for_its_inputs(returning: Any):
    dist = Categorical(3).bind(get_backend("numpy").ops).from_logits(_LOGITS)
    module = returning(None, action_dist=dist)
    explored = compute_actions(module, _BATCH, explore=True, rng=_rng())
    np.testing.assert_array_equal(explored["actions"], dist.sample(rng=_rng()))
    np.testing.assert_allclose(explored["action_logp"], _logp(explored["actions"]), rtol=1e-5)
    inferred = compute_actions(module, _BATCH, explore=False)
    np.testing.assert_array_equal(inferred["actions"], _LOGITS.argmax(axis=1))


@pytest.mark.parametrize("explore", [True, False])
@pytest.mark.parametrize("checks", ["on", "off"])
def test_neither_actions_nor_a_distribution_is_an_error(returning: Any, explore: bool, checks: Any):
    with spec_checks(checks), pytest.raises(SpecCheckingError) as caught:
        compute_actions(returning(_CONFIG, vf_preds=1, other=2), _BATCH, explore=explore)
    assert all(part in str(caught.value) for part in ("actions", "action_dist_inputs", "other", "vf_preds"))


@pytest.mark.parametrize("explore", [True, False])
def test_the_phase_decides_the_forward_and_the_distribution(returning: Any, explore: bool):
    ops = get_backend("numpy").ops
    module = returning(None)
    module._forward_exploration = lambda batch: {"action_dist_inputs": _LOGITS, "phase": "exploration"}
    module._forward_inference = lambda batch: {"action_dist_inputs": _LOGITS, "phase": "inference"}
    module.get_exploration_action_dist_cls = lambda: Categorical(3, 10).bind(ops)
    module.get_inference_action_dist_cls = lambda: Categorical(3, 20).bind(ops)
    out = compute_actions(module, _BATCH, explore=explore)
    assert out["phase"] == ("exploration" if explore else "inference")
    assert set(out["actions"].tolist()) <= ({10, 11, 12} if explore else {20, 21, 22})


def test_what_the_module_returned_is_not_changed(returning: Any):
    module = returning(_CONFIG, action_dist_inputs=_LOGITS)
    compute_actions(module, _BATCH, explore=True)
    assert module.forward_train(_BATCH).keys() == {"action_dist_inputs"}


@pytest.mark.parametrize(
    ("given", "entered"),
    [
        (np.float64, np.float32),
        (np.float32, np.float32),
        (np.uint8, np.uint8),
        (np.int32, np.int64),
        (np.bool_, np.bool_),
    ],
)
def test_columns_enter_in_the_dtype_of_networks(returning: Any, given: Any, entered: Any):
    module, seen = returning(_CONFIG), {}

    def forward(batch: Any) -> Any:
        seen.update(batch)
        return {"actions": _ACTIONS}

    module._forward_inference = forward
    compute_actions(module, {"obs": np.zeros((5, 2), given), "nested": {"x": np.zeros(5, given)}}, explore=False)
    assert seen["nested"]["x"].dtype == entered
    # The observation space is one of floats, whatever it is filled with.
    assert seen["obs"].dtype == np.float32


@pytest.mark.parametrize("explore", [True, False])
@pytest.mark.parametrize("inputs", [_LOGITS[:, :1], _LOGITS[:, None], _LOGITS.tolist()], ids=["width", "rank", "type"])
def test_inputs_that_do_not_describe_an_action_are_refused(returning: Any, inputs: Any, explore: bool):
    with pytest.raises(SpecCheckingError, match=r"'action_dist_inputs' of shape \(B, 3\).*Discrete\(3\).*got"):
        compute_actions(returning(_CONFIG, action_dist_inputs=inputs), _BATCH, explore=explore)


def test_a_distribution_object_of_another_library_is_refused(returning: Any):
    with pytest.raises(SpecCheckingError, match="as 'action_dist', got a dict"):
        compute_actions(returning(_CONFIG, action_dist={}), _BATCH, explore=True)


def test_log_probabilities_have_one_number_a_row(returning: Any):
    class Unsummed(DiagGaussian):
        def bind(self, ops: Any) -> Any:
            base = super().bind(ops)
            return type("Unsummed", (base,), {"logp": lambda dist, value: value - dist.loc})

    module = returning(None, action_dist_inputs=np.zeros((5, 4), np.float32))
    module.get_exploration_action_dist_cls = lambda: Unsummed(2).bind(get_backend("numpy").ops)
    with pytest.raises(SpecCheckingError, match=r"shape \(5,\), got \(5, 2\)\. Sum over"):
        compute_actions(module, _BATCH, explore=True)
