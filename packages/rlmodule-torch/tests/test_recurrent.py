from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn

from rlmodule_core import Policy, RLModuleConfig, TensorSpec, compute_actions
from rlmodule_torch import TorchRLModule

STEPS, ROWS = 6, 3
OBS = np.random.default_rng(0).normal(size=(STEPS, ROWS, 1)).astype(np.float32)


class Averaging(TorchRLModule):
    """An exponential average as its user would write it: h <- rate * h + (1 - rate) * obs."""

    def setup(self) -> None:
        self.rate = nn.Parameter(torch.tensor(0.8))

    def get_initial_state(self) -> Mapping[str, Any]:
        return {"h": np.zeros(1)}

    def input_specs_exploration(self) -> Any:
        h = TensorSpec("b, h", h=1, framework="torch", dtype="float32")
        return {"obs": TensorSpec("b, t, d", d=1, framework="torch"), "state_in": {"h": h}}

    input_specs_inference = input_specs_exploration

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        h, means = batch["state_in"]["h"], []
        for t in range(batch["obs"].shape[1]):
            h = self.rate * h + (1 - self.rate) * batch["obs"][:, t]
            means.append(h)
        mean = torch.stack(means, dim=1)
        return {"action_dist_inputs": torch.cat([mean, torch.zeros_like(mean)], dim=-1), "state_out": {"h": h}}

    _forward_exploration = _forward_inference = _forward_train


def oracle() -> np.ndarray:
    """The averages `[STEPS, ROWS]` in closed form: (1 - rate) * sum over the past of rate ** age * obs."""
    ages = np.arange(STEPS)[:, None] - np.arange(STEPS)
    return np.where(ages >= 0, 0.2 * 0.8 ** np.maximum(ages, 0), 0.0) @ OBS[..., 0].astype(np.float64)


@pytest.fixture
def averaging() -> Averaging:
    return Averaging(RLModuleConfig(gym.spaces.Box(-9, 9, (1,)), gym.spaces.Box(-np.inf, np.inf, (1,))))


@pytest.mark.parametrize("compiled", [False, True])
def test_a_session_acts_by_the_averages_in_closed_form(averaging: Averaging, compiled: bool):
    if compiled:
        averaging.compile(backend="eager")
    session = Policy(averaging).session(ROWS)
    for t in range(STEPS):
        np.testing.assert_allclose(session.act(OBS[t])[:, 0], oracle()[t], rtol=1e-5, atol=1e-6)
    session.reset([False, True, False])
    kept = 0.8 * oracle()[-1] + 0.2 * OBS[0, :, 0]
    kept[1] = 0.2 * OBS[0, 1, 0]
    np.testing.assert_allclose(session.act(OBS[0])[:, 0], kept, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("explore", [True, False])
def test_single_steps_equal_the_whole_sequence(averaging: Averaging, explore: bool):
    obs = torch.from_numpy(OBS.swapaxes(0, 1).copy())
    whole = averaging.forward_train({"obs": obs, "state_in": {"h": torch.zeros(ROWS, 1)}})
    columns: dict[str, Any] = {}
    for t in range(STEPS):
        output = compute_actions(averaging, {"obs": OBS[t], **columns}, explore=explore, rng=averaging.backend.rng(0))
        torch.testing.assert_close(output["action_dist_inputs"], whole["action_dist_inputs"][:, t].detach())
        assert output["actions"].shape == (ROWS, 1)
        assert ("action_logp" in output) is explore
        columns = {"state_in": output["state_out"]}
    torch.testing.assert_close(output["state_out"]["h"], whole["state_out"]["h"].detach())


def test_states_in_and_out_of_a_policy_are_numpy(averaging: Averaging):
    policy, state = Policy(averaging, seed=0), None
    for t in range(STEPS):
        action, state, extras = policy.compute_single_action(OBS[t, 0], state)
        assert (type(state["h"]), state["h"].dtype, state["h"].shape) == (np.ndarray, np.float32, (1,))
        np.testing.assert_allclose(action, [oracle()[t, 0]], rtol=1e-5, atol=1e-6)
        assert extras.keys() == {"action_dist_inputs", "actions"}
