from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from rlmodule_core import DiagGaussian, SpecCheckingError, compute_actions
from rlmodule_torch import (
    TorchActorCriticRLModule,
    TorchBackend,
    TorchCategorical,
    TorchDeterministic,
    TorchDiagGaussian,
)


@pytest.mark.parametrize(
    ("given", "entered"),
    [
        (np.float64, torch.float32),
        (np.float32, torch.float32),
        (np.uint8, torch.uint8),
        (np.int32, torch.int64),
        (np.bool_, torch.bool),
    ],
)
def test_arrays_become_tensors_in_the_dtype_of_networks(backend: TorchBackend, given: Any, entered: torch.dtype):
    array = np.ones((3, 2), given)
    tensor = backend.batch(None, {"nested": array})["nested"]
    assert tensor.dtype == entered
    np.testing.assert_array_equal(backend.to_numpy(tensor), array)


def test_read_only_and_strided_arrays_are_taken(backend: TorchBackend):
    array = np.arange(12, dtype=np.float32).reshape(3, 4).T
    array.flags.writeable = False
    np.testing.assert_array_equal(backend.batch(None, array).numpy(), array)


def test_tensors_pass_through(backend: TorchBackend):
    tensor = torch.zeros(3, dtype=torch.float64)
    assert backend.batch(None, tensor) is tensor


def test_the_action_rule_draws_with_the_generator_given(
    backend: TorchBackend, module: TorchActorCriticRLModule, batch: Any
):
    def draw(obs: Any, seed: int) -> dict[str, Any]:
        return compute_actions(module, {"obs": obs}, explore=True, rng=backend.rng(seed))

    out = draw(batch["obs"], 3)
    assert torch.equal(out["actions"], draw(batch["obs"].double().numpy(), 3)["actions"])
    assert not torch.equal(
        torch.stack([draw(batch["obs"], s)["actions"] for s in range(9)]).float().std(0), torch.zeros(6)
    )
    expected = torch.log_softmax(out["action_dist_inputs"], -1).gather(-1, out["actions"][:, None])[:, 0]
    torch.testing.assert_close(out["action_logp"], expected)


def test_a_generator_s_state_goes_through_json(backend: TorchBackend):
    dist = TorchCategorical.from_logits(torch.zeros(50, 6))
    rng = backend.rng(4)
    dist.sample(rng=rng)
    state = json.loads(json.dumps(rng.get_state()))
    expected = dist.sample(rng=rng)
    resumed = backend.rng(9)
    resumed.set_state(state)
    assert torch.equal(dist.sample(rng=resumed), expected)


def test_a_generator_of_another_backend_is_refused():
    with pytest.raises(TypeError, match=r"get_backend\('torch'\)\.rng"):
        TorchCategorical.from_logits(torch.zeros(1, 2)).sample(rng=object())


def test_only_reparameterised_samples_carry_gradients(backend: TorchBackend):
    inputs = torch.zeros(3, 4, requires_grad=True)
    dist = DiagGaussian(2).bind(backend.ops).from_logits(inputs)
    assert not dist.sample(rng=backend.rng(0)).requires_grad
    dist.rsample(rng=backend.rng(0)).sum().backward()
    assert inputs.grad is not None
    assert (inputs.grad[:, :2] == 1).all()


def test_sampled_actions_have_the_frequencies_of_the_probabilities(backend: TorchBackend):
    logits = torch.tensor([0.0, 1.0, -1.0, 2.0])
    n = 40_000
    drawn = TorchCategorical.from_logits(logits.expand(n, 4)).sample(rng=backend.rng(5))
    expected = n * torch.softmax(logits, -1)
    assert ((torch.bincount(drawn, minlength=4) - expected) ** 2 / expected).sum() < 16.3


@pytest.mark.parametrize("extreme", [[1e9, -1e9, 0.0, 0.0], [-1e9, -1e9, 1e4, -1e4]])
@pytest.mark.parametrize("dist_cls", [TorchCategorical, TorchDiagGaussian])
def test_extremes_give_finite_numbers_and_gradients(backend: TorchBackend, dist_cls: Any, extreme: list[float]):
    inputs = torch.tensor([extreme], requires_grad=True)
    dist, mild = dist_cls.from_logits(inputs), dist_cls.from_logits(torch.zeros(1, 4))
    actions = dist.sample(rng=backend.rng(0))
    total = dist.logp(actions).sum() + dist.entropy().sum() + dist.kl(mild).sum() + mild.kl(dist).sum()
    total.backward()
    assert torch.isfinite(total)
    assert inputs.grad is not None
    assert torch.isfinite(inputs.grad).all()


def test_the_deterministic_distribution_gives_the_outputs():
    outputs = torch.ones(2, 3)
    assert TorchDeterministic.from_logits(outputs).sample() is outputs


@pytest.mark.parametrize("dtype", [object, str, complex])
def test_a_column_that_holds_no_numbers_is_refused(backend: TorchBackend, dtype: type) -> None:
    with pytest.raises(SpecCheckingError, match=r"must hold numbers, got .* of shape \(2, 3\)"):
        backend.batch(None, np.ones((2, 3)).astype(dtype))
