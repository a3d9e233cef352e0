"""Modules with weights set from outside, with dropout, with a loss of their own, with outputs missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_layers import KERNEL, batch_normalization, dense, dropout, in_turn

from rlmodule_core import Policy, RLModule, SingleAgentRLModuleSpec, SpecCheckingError

ID = "default_policy"


class Small(RLModule):
    """Two linear heads on the observation, in the framework of the algorithm."""

    framework: Any

    def setup(self) -> None:
        self.policy, self.value = (dense(self.framework, 4, outputs) for outputs in (2, 1))

    def _forward_train(self, batch: Mapping[str, Any]) -> Any:
        return {"action_dist_inputs": self.policy(batch["obs"]), "vf_preds": self.value(batch["obs"])[:, 0]}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.policy(batch["obs"])}

    _forward_inference = _forward_exploration


class Dropping(Small):
    def setup(self) -> None:
        super().setup()
        self.policy = in_turn(self.framework, dropout(self.framework, 0.5), dense(self.framework, 4, 2))


class Normalising(Small):
    def setup(self) -> None:
        super().setup()
        here = self.framework
        self.policy = in_turn(here, batch_normalization(here, 4), dense(here, 4, 2))


class OwnLoss(Small):
    def compute_loss(self, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Mapping[str, Any]) -> Any:
        loss = self.backend.ops.mean(self.backend.ops.square(outputs["vf_preds"]))
        return loss, {"own": loss}


class Valueless(Small):
    def _forward_train(self, batch: Mapping[str, Any]) -> Any:
        return {"vf_preds": self.value(batch["obs"])[:, 0]}


class Silent(Small):
    def _forward_train(self, batch: Mapping[str, Any]) -> Any:
        return None


@pytest.fixture
def algorithm(small_ppo: Any, build: Any) -> Any:
    def make(module_class: Any) -> Any:
        return build(small_ppo.copy().rl_module(rl_module_spec=SingleAgentRLModuleSpec(module_class=module_class)))

    return make


def test_weights_set_from_outside_are_acted_with_at_once(small_ppo: Any, build: Any) -> None:
    algorithm = build(small_ppo)
    module = algorithm.get_module()
    state = {name: np.zeros_like(array) for name, array in module.get_state().items()}
    module.set_state({**state, "pi.0.bias": np.array([-9.0, 9.0], np.float32)})
    assert algorithm.compute_single_action(np.zeros(4))[0] == 1
    module.set_state({**state, "pi.0.bias": np.array([9.0, -9.0], np.float32)})
    assert algorithm.compute_single_action(np.zeros(4))[0] == 0
    assert algorithm.evaluate(episodes=2)["episode_return_mean"] < 12


def test_dropout_follows_the_seed(algorithm: Any) -> None:
    states = []
    for _ in range(2):
        trained = algorithm(Dropping)
        for _ in range(2):
            trained.train()
        states.append(trained.get_module().get_state())
    assert all(np.array_equal(array, states[1][name]) for name, array in states[0].items())


def test_acting_takes_what_training_drops(algorithm: Any) -> None:
    module = algorithm(Dropping).get_module()
    backend, batch = module.backend, {"obs": module.backend.batch(None, np.ones((64, 4)))}
    for phase in ("exploration", "inference"):
        acted = backend.to_numpy(getattr(module, f"forward_{phase}")(batch)["action_dist_inputs"])
        assert np.ptp(acted, axis=0).max() == 0.0
    trained = backend.to_numpy(backend.ops.stop_gradient(module.forward_train(batch)["action_dist_inputs"]))
    assert np.ptp(trained, axis=0).min() > 0.0


def test_statistics_of_batches_move_in_updates_alone_and_are_saved(algorithm: Any, tmp_path: Path) -> None:
    trained = algorithm(Normalising)
    module = trained.get_module()
    statistics = {name for name in module.get_state() if "mean" in name or "var" in name}
    assert len(statistics) == 2
    assert statistics <= module.backend.untrained_weights(module)

    def moved(act: Any) -> set[str]:
        before = module.get_state()
        act()
        return {name for name, array in module.get_state().items() if not np.array_equal(array, before[name])}

    assert moved(lambda: trained._runner.sample()) == set()
    assert moved(lambda: trained.evaluate(episodes=1)) == set()
    assert statistics < moved(trained.train)
    served = Policy.from_checkpoint(trained.save(tmp_path))
    obs = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    found, expected = (policy.compute_actions(obs)[2]["action_dist_inputs"] for policy in (served, Policy(module)))
    np.testing.assert_array_equal(found, expected)


def test_a_module_may_bring_its_own_loss(algorithm: Any, framework: str) -> None:
    trained = algorithm(OwnLoss)
    before = trained.get_module().get_state()
    metrics = trained.train()["learners"][ID]
    after = trained.get_module().get_state()
    assert metrics["own"] == metrics["total_loss"]
    assert "policy_loss" not in metrics
    kernel = KERNEL[framework]
    assert np.array_equal(before[f"policy.{kernel}"], after[f"policy.{kernel}"])
    assert not np.array_equal(before[f"value.{kernel}"], after[f"value.{kernel}"])


def test_outputs_that_the_loss_needs_are_named(algorithm: Any) -> None:
    with pytest.raises(SpecCheckingError, match=r"Valueless.*returned \['vf_preds'\].*needs \['action_dist_inputs'\]"):
        algorithm(Valueless).train()


def test_a_forward_that_returns_nothing_is_named(algorithm: Any) -> None:
    with pytest.raises(SpecCheckingError, match=r"Silent\.forward_train \(output\)"):
        algorithm(Silent).train()
