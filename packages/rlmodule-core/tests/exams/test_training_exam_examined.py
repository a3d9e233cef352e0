from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from rlmodule_core import GradientClip
from rlmodule_core.testing import BackendSuite

torch = pytest.importorskip("torch")
rlmodule_torch = pytest.importorskip("rlmodule_torch")

Patch = pytest.MonkeyPatch
TorchBackend = rlmodule_torch.TorchBackend


class Backend(BackendSuite):
    backend_name = "torch"


class OtherAdam(torch.optim.Optimizer):
    """Adam as others write it: epsilon inside the root, or moments that start biased."""

    def __init__(self, group: dict[str, Any], *, inside: bool = False, biased: bool = False) -> None:
        super().__init__(group["params"], {name: group[name] for name in ("lr", "betas", "eps")})
        self.inside, self.biased = inside, biased

    @torch.no_grad()
    def step(self) -> None:
        group = self.param_groups[0]
        (beta1, beta2), eps = group["betas"], group["eps"]
        for weight in group["params"]:
            state = self.state[weight]
            if not state:
                state.update(step=torch.zeros(()), exp_avg=weight * 0.0, exp_avg_sq=weight * 0.0)
            state["step"] += 1
            state["exp_avg"].lerp_(weight.grad, 1 - beta1)
            state["exp_avg_sq"].lerp_(weight.grad.square(), 1 - beta2)
            counts = torch.tensor(torch.inf) if self.biased else state["step"]
            first = state["exp_avg"] / (1 - beta1**counts)
            second = state["exp_avg_sq"] / (1 - beta2**counts)
            weight -= group["lr"] * first / ((second + eps).sqrt() if self.inside else second.sqrt() + eps)


def _replaces_adam(patch: Patch, **faults: bool) -> None:
    right = TorchBackend.make_optimizer

    def make_optimizer(self: Any, module: Any, settings: Any) -> Any:
        optimizer = right(self, module, settings)
        optimizer.native = OtherAdam(optimizer.native.param_groups[0], **faults)
        return optimizer

    patch.setattr(TorchBackend, "make_optimizer", make_optimizer)


def adam_written_by_hand(patch: Patch) -> None:
    _replaces_adam(patch)


def epsilon_inside_the_root(patch: Patch) -> None:
    _replaces_adam(patch, inside=True)


def bias_correction_missing(patch: Patch) -> None:
    _replaces_adam(patch, biased=True)


def _changes_epochs(patch: Patch, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    right = TorchBackend.update_epoch
    patch.setattr(
        TorchBackend,
        "update_epoch",
        lambda self, module, **arguments: right(self, module, **{**arguments, **change(arguments)}),
    )


def last_rows_skipped(patch: Patch) -> None:
    def whole_minibatches(arguments: dict[str, Any]) -> dict[str, Any]:
        rows, size = arguments["permutation"], arguments["minibatch_size"]
        return {"permutation": rows[: max(size, len(rows) // size * size)]}

    _changes_epochs(patch, whole_minibatches)


def permutation_ignored(patch: Patch) -> None:
    _changes_epochs(patch, lambda arguments: {"permutation": np.sort(arguments["permutation"])})


def clipping_forgotten(patch: Patch) -> None:
    _changes_epochs(patch, lambda arguments: {"clip": GradientClip()})


def steps_before_looking(patch: Patch) -> None:
    patch.setattr(torch, "isfinite", lambda x: torch.ones_like(x, dtype=torch.bool))


def learning_rate_stays(patch: Patch) -> None:
    patch.setattr("rlmodule_torch.optimizer.TorchOptimizer.set_lr", lambda self, lr: None)


def moments_forgotten(patch: Patch) -> None:
    patch.setattr("rlmodule_torch.optimizer.TorchOptimizer.set_state", lambda self, state: None)


def gradients_recorded_everywhere(patch: Patch) -> None:
    patch.setattr(TorchBackend, "without_gradients", lambda self: nullcontext())


def stop_gradient_forgotten(patch: Patch) -> None:
    patch.setattr("rlmodule_torch.ops.TorchOps.stop_gradient", lambda self, x: x)


def gradient_of_tanh_wrong(patch: Patch) -> None:
    from rlmodule_torch import layers

    def tanh(x: Any) -> Any:
        return x + (torch.tanh(x) - x).detach()

    patch.setitem(layers._ACTIVATIONS, "tanh", tanh)


def parameters_replaced(patch: Patch) -> None:
    right = TorchBackend.set_weights

    def set_weights(self: Any, network: Any, weights: Any) -> None:
        for layer in network.modules():
            for leaf, weight in layer.named_parameters(recurse=False):
                layer.register_parameter(leaf, torch.nn.Parameter(weight.detach().clone()))
        right(self, network, weights)

    patch.setattr(TorchBackend, "set_weights", set_weights)


STEPS = {"the_optimizer_takes_adam_s_steps", "a_new_learning_rate_counts_from_the_next_step_on"}
STEPS |= {"an_optimizer_trains_on_after_weights_were_set"}
# Each of these reads gradients off a step of Adam whose epsilon dwarfs them.
READ_OFF_A_STEP = {
    "gradients_are_those_of_central_differences",
    "stopped_gradients_do_not_flow",
    "coefficients_reach_the_loss",
    "gradients_are_clipped_as_asked",
    "an_epoch_visits_every_row_of_the_permutation_once",
}
STOPPED = {
    "a_bad_column_stops_before_the_step_and_is_named",
    "a_bad_loss_stops_even_where_its_gradients_are_good",
}

BROKEN: dict[Callable[[Patch], None], set[str]] = {
    adam_written_by_hand: set(),
    epsilon_inside_the_root: STEPS | READ_OFF_A_STEP,
    bias_correction_missing: STEPS,
    last_rows_skipped: {
        "an_epoch_visits_every_row_of_the_permutation_once",
        "minibatches_follow_the_permutation_and_metrics_are_their_means",
    },
    permutation_ignored: {"minibatches_follow_the_permutation_and_metrics_are_their_means"},
    clipping_forgotten: {"gradients_are_clipped_as_asked"},
    steps_before_looking: STOPPED,
    learning_rate_stays: {"a_new_learning_rate_counts_from_the_next_step_on"},
    moments_forgotten: {"a_state_continues_bit_for_bit", "a_state_of_another_module_is_refused"},
    gradients_recorded_everywhere: {"stopped_gradients_do_not_flow"},
    stop_gradient_forgotten: {"stopped_gradients_do_not_flow"},
    gradient_of_tanh_wrong: {"gradients_are_those_of_central_differences"},
    parameters_replaced: {
        "set_weights_writes_into_the_existing_arrays",
        "a_state_continues_bit_for_bit",
        "an_optimizer_trains_on_after_weights_were_set",
    },
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_backend_that_trains_wrongly_fails(failing: Any, monkeypatch: Patch, broken: Callable[[Patch], None]):
    broken(monkeypatch)
    assert failing(Backend) == BROKEN[broken]
