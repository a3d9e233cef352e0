from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from rlmodule_core import ConfigError, GradientClip, NotANumberError, OptimizerSettings
from rlmodule_torch import TorchActorCriticRLModule, TorchBackend

_SETTINGS = OptimizerSettings(lr=0.01)
_RNG = np.random.default_rng(0)
_COLUMNS: dict[str, Any] = {
    "obs": _RNG.normal(size=(10, 4)).astype(np.float32),
    "targets": _RNG.normal(size=10).astype(np.float32),
    "nested": {"weights": _RNG.uniform(size=10).astype(np.float32)},
}


def _loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
    errors = ops.square(outputs["vf_preds"] - batch["targets"]) * batch["nested"]["weights"]
    value, spread = ops.mean(errors), ops.mean(ops.square(outputs["action_dist_inputs"]))
    return value + coeffs["spread"] * spread, {"value": value, "spread": spread}


def _update(backend: TorchBackend, module: Any, **changes: Any) -> dict[str, torch.Tensor]:
    arguments: dict[str, Any] = {
        "loss": _loss,
        "optimizer": backend.make_optimizer(module, _SETTINGS),
        "columns": _COLUMNS,
        "permutation": np.arange(10),
        "minibatch_size": 10,
        "coeffs": {"spread": 0.3},
        "clip": GradientClip(),
    }
    return backend.update_epoch(module, **{**arguments, **changes})


def _gradients(module: Any) -> dict[str, torch.Tensor]:
    """The gradients of the loss over all rows, without clipping."""
    out = module.forward_train({"obs": torch.from_numpy(_COLUMNS["obs"])})
    errors = (out["vf_preds"] - torch.from_numpy(_COLUMNS["targets"])).square()
    errors = errors * torch.from_numpy(_COLUMNS["nested"]["weights"])
    total = errors.mean() + 0.3 * out["action_dist_inputs"].square().mean()
    names, weights = zip(*module.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(total, weights), strict=True))


def test_an_epoch_equals_a_loop_written_by_hand(backend: TorchBackend, module: TorchActorCriticRLModule):
    twin = copy.deepcopy(module)
    permutation = np.array([7, 2, 9, 0, 5, 1, 3])
    metrics = _update(backend, module, permutation=permutation, minibatch_size=3)
    adam = torch.optim.Adam(twin.parameters(), lr=0.01, eps=1e-5)
    values = []
    for rows in ([7, 2, 9], [0, 5, 1], [3]):
        out = twin.forward_train({"obs": torch.from_numpy(_COLUMNS["obs"][rows])})
        errors = (out["vf_preds"] - torch.from_numpy(_COLUMNS["targets"][rows])).square()
        value = (errors * torch.from_numpy(_COLUMNS["nested"]["weights"][rows])).mean()
        adam.zero_grad()
        (value + 0.3 * out["action_dist_inputs"].square().mean()).backward()
        adam.step()
        values.append(value.item())
    for name, array in twin.get_state().items():
        np.testing.assert_allclose(module.get_state()[name], array, rtol=1e-4, atol=1e-6)
    assert metrics["value"].item() == pytest.approx(np.mean(values), rel=1e-5)
    assert metrics.keys() == {"total_loss", "value", "spread", "gradients_global_norm"}
    assert all(metric.shape == () and not metric.requires_grad for metric in metrics.values())


def test_the_caller_s_columns_are_left_alone(backend: TorchBackend, module: TorchActorCriticRLModule):
    before = copy.deepcopy(_COLUMNS)
    _update(backend, module, minibatch_size=4)
    np.testing.assert_array_equal(_COLUMNS["obs"], before["obs"])
    np.testing.assert_array_equal(_COLUMNS["targets"], before["targets"])


@pytest.mark.parametrize("limit", [0.01, 0.3, 1e6])
@pytest.mark.parametrize("by", ["global_norm", "norm", "value"])
def test_gradients_are_clipped_as_computed_by_hand(
    backend: TorchBackend, module: TorchActorCriticRLModule, by: str, limit: float
):
    gradients = _gradients(module)
    norm = torch.cat([gradient.flatten() for gradient in gradients.values()]).norm()
    expected = {
        "global_norm": lambda g: g * min(1.0, limit / float(norm)),
        "norm": lambda g: g * min(1.0, limit / float(g.norm())),
        "value": lambda g: g.clamp(-limit, limit),
    }[by]
    metrics = _update(backend, module, clip=GradientClip(limit, by))
    for name, weight in module.named_parameters():
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad, expected(gradients[name]), rtol=1e-4, atol=1e-7)
    assert metrics["gradients_global_norm"].item() == pytest.approx(float(norm), rel=1e-5)


@pytest.mark.parametrize(("limit", "by"), [(0.5, "global_nrom"), (None, "l2"), (0.0, "value"), (-1.0, "norm")])
def test_a_clip_that_is_none_is_refused(limit: float | None, by: str):
    with pytest.raises(ConfigError, match=r"GradientClip\.(by|limit) must be"):
        GradientClip(limit, by)


def _poisoned(column: str, value: float = np.nan) -> dict[str, Any]:
    columns = copy.deepcopy(_COLUMNS)
    target = columns["nested"] if column == "weights" else columns
    target[column][3] = value
    return columns


def _assert_refused(backend: TorchBackend, module: Any, expected: str, **changes: Any) -> None:
    before = module.get_state()
    optimizer = backend.make_optimizer(module, _SETTINGS)
    with pytest.raises(NotANumberError, match=expected):
        _update(backend, module, optimizer=optimizer, **changes)
    for name, array in module.get_state().items():
        np.testing.assert_array_equal(array, before[name])
    assert not any(array.any() for array in optimizer.get_state().values())


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("column", ["obs", "targets", "weights"])
def test_a_bad_column_is_named_before_the_step(
    backend: TorchBackend, module: TorchActorCriticRLModule, column: str, value: float
):
    _assert_refused(
        backend,
        module,
        rf"batch column '.*{column}' is not finite, first at index \[3",
        columns=_poisoned(column, value),
    )


def test_a_bad_loss_is_named_even_where_its_gradients_are_good(backend: TorchBackend, module: TorchActorCriticRLModule):
    def loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        total, metrics = _loss(ops, outputs, batch, coeffs)
        return total + float("nan"), metrics

    _assert_refused(backend, module, "loss 'total' is not finite", loss=loss)


def test_a_bad_gradient_is_named(backend: TorchBackend, module: TorchActorCriticRLModule):
    def loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        # The slope of a square root at zero is infinite.
        return (outputs["vf_preds"] - outputs["vf_preds"].detach()).abs().sqrt().sum(), {}

    _assert_refused(backend, module, "gradient of '(encoder.critic|vf)", loss=loss)


def test_bad_weights_show_in_the_outputs(backend: TorchBackend, module: TorchActorCriticRLModule):
    state = module.get_state()
    state["vf.0.bias"][:] = np.nan
    module.set_state(state)
    _assert_refused(backend, module, "output 'vf_preds' is not finite")


def test_good_steps_before_a_bad_one_are_kept(backend: TorchBackend, module: TorchActorCriticRLModule):
    twin = copy.deepcopy(module)
    _update(backend, twin, permutation=np.array([0, 1, 2]), minibatch_size=3)
    with pytest.raises(NotANumberError):
        _update(backend, module, columns=_poisoned("targets"), permutation=np.array([0, 1, 2, 3]), minibatch_size=3)
    for name, array in twin.get_state().items():
        np.testing.assert_array_equal(module.get_state()[name], array)


def test_threads_are_limited_within_the_block_only(backend: TorchBackend):
    before = torch.get_num_threads()
    with backend.limited_threads(1):
        assert torch.get_num_threads() == 1
    with backend.limited_threads(None):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before


def test_a_loss_that_depends_on_no_weight_is_refused(backend: TorchBackend, module: TorchActorCriticRLModule):
    def detached(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        return outputs["vf_preds"].detach().mean(), {}

    with pytest.raises(ConfigError, match="loss of TorchActorCriticRLModule does not depend on its weights"):
        _update(backend, module, loss=detached)
