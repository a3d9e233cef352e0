"""Adam by one formula in every backend, and a state that continues bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlmodule_core.backend import GradientClip, Optimizer, OptimizerSettings
from rlmodule_core.errors import ConfigError, StateError
from rlmodule_core.plans import Activation, Chain, Dense
from rlmodule_core.testing.backend_exam import BackendExam
from rlmodule_core.testing.compare import Array, require_close, require_same_arrays
from rlmodule_core.testing.network_module import network_module
from rlmodule_core.testing.refusal import refused

LINEAR = Chain((Dense(3, 2),))


def linear_columns(seed: int = 0) -> dict[str, Any]:
    """Eight rows for `linear_loss`."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(8, d)).astype(np.float32) / 4 for name, d in (("obs", 3), ("slope", 2))}


def linear_loss(ops: Any, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Mapping[str, Any]) -> Any:
    """A loss whose gradients do not depend on the weights, so that they are known at every step."""
    return ops.sum(outputs["out"] * batch["slope"]), {}


def linear_gradients(columns: Mapping[str, Array]) -> dict[str, Array]:
    """The gradients of `linear_loss` over all rows, for a module of `LINEAR`."""
    slope, obs = columns["slope"].astype(np.float64), columns["obs"].astype(np.float64)
    return {"net.0.weight": slope.T @ obs, "net.0.bias": slope.sum(axis=0)}


def adam(
    weights: Mapping[str, Array], steps: list[dict[str, Array]], settings: OptimizerSettings, lrs: list[float]
) -> dict[str, Array]:
    """The weights after Adam's steps with these gradients; Kingma & Ba 2015, algorithm 1, in float64."""
    result = {}
    for name, start in weights.items():
        weight = np.asarray(start, np.float64)
        first, second = np.zeros_like(weight), np.zeros_like(weight)
        for count, (gradient, lr) in enumerate(zip(steps, lrs, strict=True), 1):
            first = settings.beta1 * first + (1 - settings.beta1) * gradient[name]
            second = settings.beta2 * second + (1 - settings.beta2) * gradient[name] ** 2
            unbiased = first / (1 - settings.beta1**count), second / (1 - settings.beta2**count)
            weight = weight - lr * unbiased[0] / (np.sqrt(unbiased[1]) + settings.eps)
        result[name] = weight
    return result


class OptimizerSuite(BackendExam):
    """`make_optimizer` and the optimizer's state."""

    # An epsilon large enough that its place in the formula shows.
    settings = OptimizerSettings(lr=0.1, beta1=0.8, beta2=0.95, eps=0.05)

    def _step(self, module: Any, optimizer: Optimizer, seeds: range) -> None:
        for seed in seeds:
            self.training_backend.update_epoch(
                module,
                loss=linear_loss,
                optimizer=optimizer,
                columns=linear_columns(seed),
                permutation=np.arange(8),
                minibatch_size=8,
                coeffs={},
                clip=GradientClip(),
            )

    def _require_gradients(self, found: Mapping[str, Array], expected: Mapping[str, Array], what: str) -> None:
        for name, array in expected.items():
            require_close(found[name], array, f"the gradient of {name!r} {what}")

    def test_the_optimizer_takes_adam_s_steps(self) -> None:
        module = network_module(self.training_backend, LINEAR)
        before = self.backend.get_weights(module)
        self._step(module, self.training_backend.make_optimizer(module, self.settings), range(5))
        steps = [linear_gradients(linear_columns(seed)) for seed in range(5)]
        expected = adam(before, steps, self.settings, [self.settings.lr] * 5)
        for name, array in self.backend.get_weights(module).items():
            require_close(array, expected[name], f"{name!r} after five steps")

    def test_a_new_learning_rate_counts_from_the_next_step_on(self) -> None:
        module = network_module(self.training_backend, LINEAR)
        before = self.backend.get_weights(module)
        optimizer = self.training_backend.make_optimizer(module, self.settings)
        lrs = [0.1, 0.01, 0.5]
        for seed, lr in enumerate(lrs):
            optimizer.set_lr(lr)
            self._step(module, optimizer, range(seed, seed + 1))
        expected = adam(before, [linear_gradients(linear_columns(seed)) for seed in range(3)], self.settings, lrs)
        for name, array in self.backend.get_weights(module).items():
            require_close(array, expected[name], f"{name!r} after three rates")

    def test_a_state_continues_bit_for_bit(self) -> None:
        backend = self.training_backend
        module, twin = network_module(backend, LINEAR), network_module(backend, LINEAR)
        optimizer, resumed = (backend.make_optimizer(each, self.settings) for each in (module, twin))
        self._step(module, optimizer, range(3))
        self._step(twin, resumed, range(7, 8))
        backend.set_weights(twin, backend.get_weights(module))
        resumed.set_state(optimizer.get_state())
        for each, its in ((module, optimizer), (twin, resumed)):
            self._step(each, its, range(3, 6))
        require_same_arrays(backend.get_weights(twin), backend.get_weights(module), "weights of the resumed")
        require_same_arrays(resumed.get_state(), optimizer.get_state(), "state of the resumed")

    def test_a_state_is_a_copy(self) -> None:
        module = network_module(self.training_backend, LINEAR)
        optimizer = self.training_backend.make_optimizer(module, self.settings)
        self._step(module, optimizer, range(1))
        state = optimizer.get_state()
        kept = {name: array.copy() for name, array in state.items()}
        self._step(module, optimizer, range(1, 2))
        require_same_arrays(state, kept, "a state taken before the step")

    def test_a_state_of_another_module_is_refused(self) -> None:
        module = network_module(self.training_backend, LINEAR)
        optimizer = self.training_backend.make_optimizer(module, self.settings)
        state = dict(optimizer.get_state())
        name = next(name for name in state if "net.0.weight" in name)
        state["nobody"] = state.pop(name)
        with refused(StateError, f"set_state() with 'nobody' in place of {name!r}", naming=[name, "nobody"]):
            optimizer.set_state(state)

    def test_a_module_without_weights_has_nothing_to_optimise(self) -> None:
        module = network_module(self.training_backend, Chain((Activation("tanh"),)))
        with refused(ConfigError, "make_optimizer() for a module without weights"):
            self.training_backend.make_optimizer(module, self.settings)

    def test_an_optimizer_trains_on_after_weights_were_set(self) -> None:
        module = network_module(self.training_backend, LINEAR)
        optimizer = self.training_backend.make_optimizer(module, self.settings)
        before = {name: np.zeros_like(array) for name, array in self.backend.get_weights(module).items()}
        self.backend.set_weights(module, before)
        self._step(module, optimizer, range(1))
        expected = adam(before, [linear_gradients(linear_columns())], self.settings, [self.settings.lr])
        for name, array in self.backend.get_weights(module).items():
            require_close(array, expected[name], f"{name!r} after set_weights and a step")
