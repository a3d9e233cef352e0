"""The exams of models and modules notice what forgets, and what remembers wrongly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlmodule_core.numpy_backend import NumpyRLModule, layers
from rlmodule_core.plans import GRU, LSTM, Attend, Chain, Concat, Dense
from rlmodule_core.testing import ModelSuite, ModuleSuite, standard_configs

AssertFails = Callable[[type[Any], Mapping[str, str]], None]
Layer = Callable[[Any], Any]
COMPUTE, SINGLE = "networks_compute_what_their_plans_say", "single_steps_equal_one_sequence"
GRADIENT, DIFFERENCES = (
    "gradients_of_single_steps_are_those_of_one_sequence",
    "gradients_are_those_of_central_differences",
)
RIGHT = layers.apply_of


class Models(ModelSuite):
    backend_name = "numpy"
    configs = tuple(config for config in standard_configs() if config.plan().state_shapes())


def _weights(**change: Callable[[Any], Any]) -> Callable[[Any, Any], Layer]:
    def wrong(record: Any, weights: Any) -> Layer:
        def layer(x: Any) -> Any:
            # At the call, because weights are set later.
            changed = {leaf: to(weights[leaf]) for leaf, to in change.items() if leaf in weights}
            return RIGHT(record, {**weights, **changed})(x)

        return layer

    return wrong


def _gates(order: tuple[int, ...]) -> Callable[[Any], Any]:
    return lambda array: np.concatenate([np.split(array, len(order), axis=0)[gate] for gate in order])


def _state_in(record: Any, weights: Any) -> Layer:
    fresh = RIGHT(record, weights)
    return lambda x: fresh((x[0], {leaf: 0 * part for leaf, part in x[1].items()}))


def _state_out(record: Any, weights: Any) -> Layer:
    return lambda x: (RIGHT(record, weights)(x)[0], x[1])


def _transposed(kernel: Any) -> Any:
    return np.concatenate([gate.T for gate in np.split(kernel, 3)])


def _summed(bias: Any) -> Any:
    return np.stack([bias.sum(axis=0), 0 * bias[0]])


def _stacked_backwards(record: Any, weights: Any) -> Layer:
    right = RIGHT(record, weights)
    return lambda x: right(x[::-1] if record.axis == 1 and x[0].shape[1] == 1 else x)


def _half(x: Any) -> Any:
    return np.concatenate([x[..., 1:], x[..., :1]], axis=-1)


def _attend(change: Callable[..., Any]) -> Callable[[Any, Any], Layer]:
    return lambda record, weights: lambda x: RIGHT(record, weights)(change(*x))


BOTH = {COMPUTE: "'out.", SINGLE: "of single steps"}
ALONE = {COMPUTE: "'out."}
WRONG: dict[str, tuple[type[Any], Callable[[Any, Any], Layer], dict[str, str]]] = {
    "two gates exchanged": (LSTM, _weights(weight_ih=_gates((0, 2, 1, 3))), ALONE),
    "gates of the state exchanged": (LSTM, _weights(weight_hh=_gates((1, 0, 2, 3))), ALONE),
    "a square kernel transposed": (GRU, _weights(weight_hh=_transposed), ALONE),
    "the state's bias added to the inputs": (GRU, _weights(bias=_summed), ALONE),
    "update gate the other way round": (GRU, _weights(weight_ih=_gates((1, 0, 2))), ALONE),
    "starts afresh": (LSTM, _state_in, BOTH),
    "leaves the state as it was": (GRU, _state_out, BOTH),
    "attends to what was never filled": (Attend, _attend(lambda q, k, v, n: (q, k, v, n * 0 + 99)), ALONE),
    "distances from the far end": (Attend, _weights(bias=lambda bias: bias[:, ::-1]), ALONE),
    "heads mixed": (Attend, _attend(lambda q, k, v, n: (_half(q), k, v, n)), ALONE),
    "states of the layers exchanged": (
        Concat,
        _stacked_backwards,
        BOTH,
    ),
}


def _forgets_gradients(patch: pytest.MonkeyPatch) -> None:
    from rlmodule_torch import layers as torch_layers

    right = torch_layers.lstm

    def lstm(inputs: Any, record: Any, weights: Any) -> Any:
        y, state = right(inputs, record, weights)
        return y, {leaf: part.detach() for leaf, part in state.items()}

    patch.setattr(torch_layers, "lstm", lstm)


UNDIFFERENTIATED = {GRADIENT: "through single steps", DIFFERENCES: "the network: the gradient of"}


class Remembers(NumpyRLModule):
    """A module of its user's own that keeps the contract: it halves what it has seen at every step."""

    def setup(self) -> None:
        self.pi, self.vf = (self.backend.lower(Chain((Dense(4, width),))) for width in (3, 1))

    def get_initial_state(self) -> Mapping[str, Any]:
        return {"seen": np.zeros(4, np.float32)}

    def input_specs_train(self) -> Any:
        return ["obs", "state_in"]

    input_specs_exploration = input_specs_inference = input_specs_train

    def _after(self, seen: Any, obs: Any) -> Any:
        return 0.5 * seen + obs

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        seen, latents = batch["state_in"]["seen"], []
        for t in range(batch["obs"].shape[1]):
            seen = self._after(seen, batch["obs"][:, t])
            latents.append(seen)
        stacked = np.stack(latents, axis=1)
        inputs, values = self.pi(stacked), self.vf(stacked)[..., 0]
        return {"action_dist_inputs": inputs, "vf_preds": values, "state_out": {"seen": seen}}

    _forward_exploration = _forward_inference = _forward_train


class Forgets(Remembers):
    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._forward_train({**batch, "state_in": {"seen": 0 * batch["state_in"]["seen"]}})

    _forward_exploration = _forward_inference = _forward_train


class LooksAhead(Remembers):
    """Knows the mean of the whole sequence at its first step."""

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        outputs = super()._forward_train(batch)
        return {**outputs, "vf_preds": outputs["vf_preds"] - batch["obs"].mean(axis=(1, 2))[:, None]}


MODULES: dict[type[Any], dict[str, str]] = {
    Remembers: {},
    Forgets: {SINGLE: "evaluate_train: 'out.action_dist_inputs' of single steps"},
    LooksAhead: {SINGLE: "evaluate_train: 'out.vf_preds' of single steps"},
}
FAKES = {
    ModelSuite: [*(failed for *_, failed in WRONG.values()), UNDIFFERENTIATED],
    ModuleSuite: [*MODULES.values()],
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_broken_layer_fails_the_exam_of_models(
    assert_fails: AssertFails, monkeypatch: pytest.MonkeyPatch, fault: str
):
    kind, wrong, failed = WRONG[fault]
    monkeypatch.setattr(
        layers,
        "apply_of",
        lambda record, weights: (wrong if isinstance(record, kind) else RIGHT)(record, weights),
    )
    assert_fails(Models, failed)


def test_a_window_that_is_one_step_too_long_is_noticed(monkeypatch: pytest.MonkeyPatch):
    def longer(record: Any, weights: Any) -> Layer:
        if not isinstance(record, Attend):
            return RIGHT(record, weights)
        more = replace(record, window=record.window + 1)
        bias = np.concatenate([weights["bias"], weights["bias"][:, -1:]], axis=1)

        def attend(x: Any) -> Any:
            q, k, v, n = x
            grown = [np.concatenate([np.zeros_like(each[:, :1]), each], axis=1) for each in (k, v)]
            return RIGHT(more, {"bias": bias})((q, *grown, n))

        return attend

    monkeypatch.setattr(layers, "apply_of", longer)
    with pytest.raises(AssertionError, match="'out"):
        Models().test_networks_compute_what_their_plans_say()


def test_layers_that_are_right_pass(assert_fails: AssertFails):
    assert_fails(Models, {})


def test_a_state_without_gradients_fails_the_exam_of_models(assert_fails: AssertFails, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("rlmodule_torch")
    _forgets_gradients(monkeypatch)
    configs = tuple(config for config in Models.configs if "LSTM" in repr(config.plan()))[:1]
    assert_fails(type("Suite", (ModelSuite,), {"backend_name": "torch", "configs": configs}), UNDIFFERENTIATED)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_a_module_that_forgets_fails(assert_fails: AssertFails, module: type[Any]):
    assert_fails(type("Suite", (ModuleSuite,), {"module_class": module}), MODULES[module])
