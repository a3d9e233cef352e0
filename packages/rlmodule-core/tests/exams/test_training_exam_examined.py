from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rlmodule_core import (
    CategoricalDistribution,
    ConfigError,
    DiagGaussianDistribution,
    GradientClip,
    MLPHeadConfig,
)
from rlmodule_core.testing import BackendSuite, DistributionSuite, ModelSuite

torch = pytest.importorskip("torch")
rlmodule_torch = pytest.importorskip("rlmodule_torch")

Patch = pytest.MonkeyPatch
AssertFails = Callable[[type[Any], Mapping[str, str]], None]
TorchBackend = rlmodule_torch.TorchBackend


class Backend(BackendSuite):
    backend_name = "torch"


class Models(ModelSuite):
    backend_name = "torch"
    configs = (
        MLPHeadConfig(input_dims=(3,), hidden_layer_dims=(5,), hidden_layer_activation="tanh", output_layer_dim=2),
    )


class Distributions(DistributionSuite):
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


def each_norm_clipped_as_one(patch: Patch) -> None:
    def as_one(arguments: dict[str, Any]) -> dict[str, Any]:
        clip = arguments["clip"]
        return {"clip": GradientClip(clip.limit, "global_norm" if clip.by == "norm" else clip.by)}

    _changes_epochs(patch, as_one)


def coefficients_forgotten(patch: Patch) -> None:
    _changes_epochs(patch, lambda arguments: {"coeffs": dict.fromkeys(arguments["coeffs"], 1.0)})


def steps_before_looking(patch: Patch) -> None:
    patch.setattr("rlmodule_torch.update.math", SimpleNamespace(isfinite=lambda number: True))


def learning_rate_stays(patch: Patch) -> None:
    patch.setattr("rlmodule_torch.optimizer.TorchOptimizer.set_lr", lambda self, lr: None)


def moments_forgotten(patch: Patch) -> None:
    patch.setattr("rlmodule_torch.optimizer.TorchOptimizer.set_state", lambda self, state: None)


def moments_handed_out(patch: Patch) -> None:
    def get_state(self: Any) -> Any:
        return {name: slot.numpy() for name, slot in self._slots()}

    patch.setattr("rlmodule_torch.optimizer.TorchOptimizer.get_state", get_state)


def nothing_optimised_in_silence(patch: Patch) -> None:
    right = TorchBackend.make_optimizer

    def make_optimizer(self: Any, module: Any, settings: Any) -> Any:
        try:
            return right(self, module, settings)
        except ConfigError:
            return None

    patch.setattr(TorchBackend, "make_optimizer", make_optimizer)


def half_precision_without_gradients(patch: Patch) -> None:
    @contextmanager
    def without_gradients(self: Any) -> Iterator[None]:
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            yield

    patch.setattr(TorchBackend, "without_gradients", without_gradients)


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


VISITS = "an_epoch_visits_every_row_of_the_permutation_once"
MINIBATCHES = "minibatches_follow_the_permutation_and_metrics_are_their_means"
CLIPPED, COEFFICIENTS = "gradients_are_clipped_as_asked", "coefficients_reach_the_loss"
CENTRAL, UNRECORDED = "gradients_are_those_of_central_differences", "stopped_gradients_do_not_flow"
NEW_RATE, CONTINUES = "a_new_learning_rate_counts_from_the_next_step_on", "a_state_continues_bit_for_bit"
TRAINS_ON, FOREIGN = "an_optimizer_trains_on_after_weights_were_set", "a_state_of_another_module_is_refused"
STEPS = {"the_optimizer_takes_adam_s_steps": "'net.0.weight' after five steps", NEW_RATE: "", TRAINS_ON: ""}
# Each of these reads gradients off a step of Adam whose epsilon dwarfs them.
READ_OFF_A_STEP = dict.fromkeys((CENTRAL, UNRECORDED, COEFFICIENTS, CLIPPED, VISITS), "")

BROKEN: dict[Callable[[Patch], None], dict[str, str]] = {
    adam_written_by_hand: {},
    epsilon_inside_the_root: STEPS | READ_OFF_A_STEP,
    bias_correction_missing: STEPS,
    last_rows_skipped: {
        VISITS: "the visits of each row, for minibatches of 3 of [7, 2, 9, 0, 5, 1, 3]: 1 of 10 differ; at [3]",
        MINIBATCHES: "the mean over minibatches of a sum",
    },
    permutation_ignored: {MINIBATCHES: "the mean over minibatches of a square"},
    clipping_forgotten: {CLIPPED: "after GradientClip(limit=0.05, by='global_norm')"},
    each_norm_clipped_as_one: {CLIPPED: "after GradientClip(limit=0.05, by='norm')"},
    coefficients_forgotten: {COEFFICIENTS: "the gradient of 'net.0.weight' with a coefficient of 0.25"},
    steps_before_looking: {
        "a_bad_column_stops_before_the_step_and_is_named": "a bad slope: expected a NotANumberError, got no error",
        "a_bad_loss_stops_even_where_its_gradients_are_good": "a bad loss: expected a NotANumberError, got no error",
    },
    learning_rate_stays: {NEW_RATE: "'net.0.weight' after three rates"},
    moments_forgotten: {CONTINUES: "weights of the resumed", FOREIGN: "expected a StateError, got no error"},
    moments_handed_out: {"a_state_is_a_copy": "a state taken before the step, 'net.0.weight.step'"},
    nothing_optimised_in_silence: {
        "a_module_without_weights_has_nothing_to_optimise": "a module without weights: expected a ConfigError"
    },
    half_precision_without_gradients: {
        "without_gradients_computes_the_same": "outputs without gradients: 6 of 10 differ"
    },
    gradients_recorded_everywhere: {UNRECORDED: "where two of three branches are stopped"},
    stop_gradient_forgotten: {UNRECORDED: "where two of three branches are stopped"},
    gradient_of_tanh_wrong: {CENTRAL: "the gradient of 'net.0.weight'"},
    parameters_replaced: {
        "set_weights_writes_into_the_existing_arrays": "the array that held '0.weight' before",
        CONTINUES: "",
        TRAINS_ON: "'net.0.weight' after set_weights and a step",
    },
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_backend_that_trains_wrongly_fails(
    assert_fails: AssertFails, monkeypatch: Patch, broken: Callable[[Patch], None]
):
    broken(monkeypatch)
    assert_fails(Backend, BROKEN[broken])


WRONG_GRADIENT_OF_A_MODEL = {CENTRAL: "the network: the gradient of 'net.0.weight'"}


def test_a_layer_with_a_wrong_gradient_fails(assert_fails: AssertFails, monkeypatch: Patch):
    assert_fails(Models, {})
    gradient_of_tanh_wrong(monkeypatch)
    assert_fails(Models, WRONG_GRADIENT_OF_A_MODEL)


def _stopped(patch: Patch, cls: type[Any], method: str) -> None:
    right = getattr(cls, method)
    patch.setattr(cls, method, lambda self, *args, **named: self.ops.stop_gradient(right(self, *args, **named)))


def logp_cut_off(patch: Patch) -> None:
    _stopped(patch, CategoricalDistribution, "logp")


def entropy_cut_off(patch: Patch) -> None:
    _stopped(patch, DiagGaussianDistribution, "entropy")


def divergence_cut_off(patch: Patch) -> None:
    _stopped(patch, DiagGaussianDistribution, "kl")


def draws_recorded(patch: Patch) -> None:
    patch.setattr(DiagGaussianDistribution, "sample", lambda self, *, rng=None: self.rsample(rng=rng))


def reparameterised_draws_cut_off(patch: Patch) -> None:
    _stopped(patch, DiagGaussianDistribution, "rsample")


def entropy_over_the_likely_alone(patch: Patch) -> None:
    def entropy(self: Any) -> Any:
        ops = self.ops
        probs = ops.exp(self._log_probs)
        # Finite, but the gradient goes through the logarithm of 0.
        return -ops.sum(probs * ops.where(probs > 0, ops.log(probs), 0.0), axis=-1)

    patch.setattr(CategoricalDistribution, "entropy", entropy)


MASKED = "gradients_are_finite_where_actions_are_masked"
EXACT, FLOW = "gradients_are_those_of_the_closed_form", "gradients_flow_through_reparameterised_draws_alone"

BROKEN_DISTRIBUTIONS: dict[Callable[[Patch], None], dict[str, str]] = {
    logp_cut_off: {EXACT: "Categorical(n=4, start=0): the gradient of logp"},
    entropy_cut_off: {EXACT: "normalize_actions=True): the gradient of entropy"},
    divergence_cut_off: {EXACT: "normalize_actions=True): the gradient of kl"},
    entropy_over_the_likely_alone: {MASKED: "the gradient of entropy with inputs of -1e9"},
    draws_recorded: {FLOW: "normalize_actions=True): the gradient of sample()"},
    reparameterised_draws_cut_off: {FLOW: "expected a gradient of rsample(), got zeros"},
}


@pytest.mark.parametrize("broken", BROKEN_DISTRIBUTIONS, ids=lambda broken: broken.__name__)
def test_a_distribution_with_wrong_gradients_fails(
    assert_fails: AssertFails, monkeypatch: Patch, broken: Callable[[Patch], None]
):
    broken(monkeypatch)
    assert_fails(Distributions, BROKEN_DISTRIBUTIONS[broken])


FAKES = {
    BackendSuite: [*BROKEN.values()],
    ModelSuite: [WRONG_GRADIENT_OF_A_MODEL],
    DistributionSuite: [*BROKEN_DISTRIBUTIONS.values()],
}
