"""What the learner makes of padded sequences, against the sequences one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from own_layers import EACH_TRAINING, gradients, note

from rlmodule_core import DEFAULT_MODULE_ID, Columns, ConfigError, compute_actions

pytestmark = EACH_TRAINING


def sampled(algorithm: Any) -> dict[str, Any]:
    algorithm._refresh()
    return dict(algorithm.learner.make_batch(algorithm._runner.sample(), algorithm._acting)[0])


def gradients_of(algorithm: Any, columns: Any) -> tuple[dict[str, Any], dict[str, float]]:
    """Those of PPO's loss of one batch, and the loss's metrics."""
    learner, module = algorithm.learner, algorithm.get_module()
    backend, metrics = module.backend, {}
    batch = backend.batch(None, columns)
    coeffs = {**learner.coefficients(DEFAULT_MODULE_ID, 0), "entropy_coeff": 0.01}
    weights = {name: weight for name, weight in backend.named_weights(module).items() if backend.is_trained(weight)}

    def run() -> Any:
        loss, parts = learner._loss_of(DEFAULT_MODULE_ID)(backend.ops, module.forward_train(batch), batch, coeffs)
        metrics.update({name: backend.ops.stop_gradient(value) for name, value in parts.items()})
        return loss

    found = gradients(module.framework, run, list(weights.values()))
    return dict(zip(weights, found, strict=True)), {name: float(value) for name, value in metrics.items()}


def rows(columns: Any, n: int, length: int) -> dict[str, Any]:
    """One sequence without its padding."""
    return {
        name: {key: leaf[n : n + 1] for key, leaf in column.items()}
        if isinstance(column, dict)
        else column[n : n + 1, :length]
        if column.ndim > 1
        else column[n : n + 1]
        for name, column in columns.items()
    }


def test_the_gradient_of_padded_sequences_is_that_of_each_alone(trained: Any) -> None:
    columns = sampled(trained)
    lengths = columns["seq_lens"]
    assert lengths.min() < lengths.max() == 8
    whole, metrics = gradients_of(trained, columns)
    sums: dict[str, Any] = dict.fromkeys(whole, 0.0)
    losses = dict.fromkeys(metrics, 0.0)
    for n, length in enumerate(lengths.tolist()):
        share = length / lengths.sum()
        alone, parts = gradients_of(trained, rows(columns, n, length))
        sums = {name: total + share * alone[name] for name, total in sums.items()}
        losses = {name: total + share * parts[name] for name, total in losses.items()}
    for name, gradient in whole.items():
        np.testing.assert_allclose(gradient, sums[name], rtol=1e-4, atol=1e-6)
    assert metrics == pytest.approx(losses, rel=1e-4, abs=1e-6)


def test_what_is_in_the_padding_reaches_neither_gradient_nor_weights(trained: Any) -> None:
    columns = sampled(trained)
    learner, start = trained.learner, trained.get_module().get_state()
    arrays, state = learner.get_arrays(), learner.get_state()
    weights = []
    for garbage in (0.0, np.nan):
        sick = {
            name: np.where(columns["loss_mask"].reshape(*columns["loss_mask"].shape, *[1] * (c.ndim - 2)), c, garbage)
            if isinstance(c, np.ndarray) and c.ndim > 1 and c.dtype.kind == "f"
            else c
            for name, c in columns.items()
        }
        trained.get_module().set_state(start)
        learner.set_arrays(arrays)
        learner.set_state(state)
        learner.update({DEFAULT_MODULE_ID: sick}, timestep=0)
        weights.append(trained.get_module().get_state())
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in start)
    assert any(not np.array_equal(weights[0][name], start[name]) for name in start)


def test_sequences_give_what_the_single_steps_gave(trained: Any) -> None:
    columns = sampled(trained)
    module, mask = trained.get_module(), columns["loss_mask"]
    outputs = module.backend.to_numpy(module.forward_train(module.backend.batch(None, columns)))
    inputs = columns["action_dist_inputs"]
    np.testing.assert_allclose(outputs["action_dist_inputs"][mask], inputs[mask], rtol=1e-4, atol=1e-5)
    native = module.backend.batch(None, {"inputs": outputs["action_dist_inputs"], "actions": columns["actions"]})
    logp = module.get_train_action_dist_cls().from_logits(native["inputs"]).logp(native["actions"])
    ratios = np.exp(module.backend.to_numpy(logp)[mask] - columns["action_logp"][mask])
    assert np.abs(ratios - 1.0).max() <= 1e-5
    # Without the states they would be others: the test can fail.
    forgotten = {**columns, "state_in": {key: 0 * leaf for key, leaf in columns["state_in"].items()}}
    other = module.backend.to_numpy(module.forward_train(module.backend.batch(None, forgotten)))
    assert np.abs(other["action_dist_inputs"][mask] - inputs[mask]).max() > 1e-2


def test_values_are_those_of_single_steps_through_every_episode(trained: Any) -> None:
    trained._refresh()
    trained._runner.sample()
    state = trained._runner._memory.state
    rollout = trained._runner.sample()
    columns, _ = trained.learner.make_batch(rollout, trained._acting)
    module, (steps, envs) = trained.get_module(), rollout.rewards.shape
    values, following = np.zeros((steps, envs)), np.zeros((steps, envs))
    last = dict(zip(rollout.last_steps, rollout.last_obs, strict=True))
    for t in range(steps):
        outputs, state = stepped(module, rollout.obs[t], state)
        values[t] = outputs["vf_preds"]
        after = np.stack([last.get((t, b), rollout.obs[t + 1, b]) for b in range(envs)])
        following[t] = stepped(module, after, state)[0]["vf_preds"]
        over = rollout.terminateds[t] | rollout.truncateds[t]
        state = {key: np.where(over[:, None], 0.0, leaf).astype(np.float32) for key, leaf in state.items()}
    targets = lambda_returns(rollout, values, following, gamma=0.99, lambda_=0.95)
    sequences = rollout.sequences()
    np.testing.assert_allclose(sequences.unpadded(columns["value_targets"]), targets, rtol=1e-4, atol=1e-5)


def stepped(module: Any, obs: Any, state: Any) -> tuple[Any, Any]:
    native = compute_actions(module, {"obs": obs, "state_in": state}, explore=False)
    outputs = module.backend.to_numpy(native)
    return outputs, {key: np.array(leaf) for key, leaf in outputs.pop(Columns.STATE_OUT).items()}


def lambda_returns(rollout: Any, values: Any, following: Any, *, gamma: float, lambda_: float) -> Any:
    """By the recursion of the lambda-return, which is not how GAE is computed."""
    targets, later = np.zeros_like(values), following[-1]
    for t in reversed(range(len(values))):
        over = rollout.terminateds[t] | rollout.truncateds[t]
        after = np.where(over, following[t], (1 - lambda_) * following[t] + lambda_ * later)
        targets[t] = rollout.rewards[t] + gamma * np.where(rollout.terminateds[t], 0.0, after)
        later = targets[t]
    return targets


def test_the_minibatch_size_counts_steps_and_whole_sequences_are_drawn(trained: Any, framework: str) -> None:
    noted: list[Any] = []
    learner, compute = trained.learner, trained.learner.compute_loss_for_module

    def watching(module_id: str, outputs: Any, batch: Any, coeffs: Any) -> Any:
        note(framework, noted, batch["seq_lens"], batch["obs"], outputs["vf_preds"])
        assert "loss_mask" not in batch
        return compute(module_id, outputs, batch, coeffs)

    learner.compute_loss_for_module = watching
    columns = sampled(trained)
    learner.update({DEFAULT_MODULE_ID: columns}, timestep=0)
    count, steps = len(columns["seq_lens"]), int(columns["seq_lens"].sum())
    assert all(len(obs) == lengths.sum() == len(values) for lengths, obs, values in noted)
    seen = [(len(lengths), len(obs)) for lengths, obs, _ in noted]
    assert steps == 256
    assert len(seen) == 2 * 4
    assert {sequences for sequences, _ in seen[:3]} == {-(-count // 4)}
    assert sum(steps for _, steps in seen) == 2 * steps


def test_sequences_that_do_not_tell_what_is_padding_are_refused(trained: Any) -> None:
    columns = sampled(trained)
    del columns["loss_mask"]
    with pytest.raises(ConfigError, match=r"'seq_lens', but no 'loss_mask' \[N, L\]"):
        trained.learner.update({DEFAULT_MODULE_ID: columns}, timestep=0)
