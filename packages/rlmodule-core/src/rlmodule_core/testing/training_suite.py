"""Training: epochs, gradients and what stops them. Skipped where a backend runs forwards only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlmodule_core.backend import GradientClip
from rlmodule_core.columns import Columns
from rlmodule_core.errors import NotANumberError
from rlmodule_core.plans import Activation, ActorCritic, Chain, Dense, Encoder, FreeParameter, LayerNorm
from rlmodule_core.testing.central_differences import require_gradients
from rlmodule_core.testing.compare import Array, require_close, require_same_arrays
from rlmodule_core.testing.network_module import PLAIN_DESCENT, NetworkModule, gradients, network_module
from rlmodule_core.testing.optimizer_suite import LINEAR, OptimizerSuite, linear_columns, linear_gradients, linear_loss
from rlmodule_core.testing.refusal import refused

_ENCODER = Encoder(Chain((Dense(3, 4), LayerNorm(4), Activation("tanh"))))
_ONE_WEIGHT_A_ROW = Chain((Dense(10, 1, bias=False),))


class _HalfStopped(NetworkModule):
    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        with self.backend.without_gradients():
            unrecorded = super()._forward_train(batch)["out"]
        recorded = super()._forward_train(batch)["out"]
        stopped = self.backend.ops.stop_gradient(super()._forward_train(batch)["out"])
        return {"out": recorded + 10 * unrecorded + 100 * stopped}


def _visits(ops: Any, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Any) -> Any:
    """A loss whose gradient counts, for each row, the visits; its metrics tell which rows meet in a minibatch."""
    number = ops.sum(batch["number"])
    return ops.sum(outputs["out"]), {"number": number, "together": ops.square(number)}


def _scaled(ops: Any, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Mapping[str, Any]) -> Any:
    total, metrics = linear_loss(ops, outputs, batch, coeffs)
    return coeffs["scale"] * total, metrics


class TrainingSuite(OptimizerSuite):
    """`update_epoch` and the gradients it takes."""

    def test_gradients_are_those_of_central_differences(self) -> None:
        obs = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
        head = Chain((Dense(3, 4), Activation("silu"), Dense(4, 4), Activation("tanh"), Dense(4, 2), FreeParameter(2)))
        for plan in (head, ActorCritic(shared=_ENCODER), ActorCritic(actor=_ENCODER, critic=_ENCODER)):
            inputs = obs if isinstance(plan, Chain) else {Columns.OBS: obs}
            require_gradients(self.training_backend, plan, inputs, repr(plan))

    def test_stopped_gradients_do_not_flow(self) -> None:
        module = network_module(self.training_backend, LINEAR, _HalfStopped)
        columns = linear_columns()
        found = gradients(self.training_backend, module, linear_loss, columns)
        self._require_gradients(found, linear_gradients(columns), "where two of three branches are stopped")

    def test_coefficients_reach_the_loss(self) -> None:
        module, columns = network_module(self.training_backend, LINEAR), linear_columns()
        found = gradients(self.training_backend, module, _scaled, columns, coeffs={"scale": 0.25})
        expected = {name: array / 4 for name, array in linear_gradients(columns).items()}
        self._require_gradients(found, expected, "with a coefficient of 0.25")

    def test_gradients_are_clipped_as_asked(self) -> None:
        module, columns = network_module(self.training_backend, LINEAR), linear_columns()
        whole = linear_gradients(columns)
        norm = float(np.sqrt(sum(np.sum(np.square(array)) for array in whole.values())))
        for limit in (0.05, 0.5, 1e4):
            expected = {
                "global_norm": {name: g * min(1.0, limit / norm) for name, g in whole.items()},
                "norm": {name: g * min(1.0, limit / float(np.sqrt(np.sum(g * g)))) for name, g in whole.items()},
                "value": {name: np.clip(g, -limit, limit) for name, g in whole.items()},
            }
            for by, wanted in expected.items():
                clip = GradientClip(limit, by)
                found = gradients(self.training_backend, module, linear_loss, columns, clip=clip)
                self._require_gradients(found, wanted, f"after {clip}")

    def test_an_epoch_visits_every_row_of_the_permutation_once(self) -> None:
        for permutation, size in (([7, 2, 9, 0, 5, 1, 3], 3), (list(range(10)), 5), ([4], 8)):
            delta, _ = self._epoch(permutation, size)
            visited = np.zeros(10)
            visited[permutation] = 1
            require_close(delta, visited, f"the visits of each row, for minibatches of {size} of {permutation}")

    def test_minibatches_follow_the_permutation_and_metrics_are_their_means(self) -> None:
        _, metrics = self._epoch([7, 2, 9, 0, 5, 1, 3], 3)
        sums = np.array([7 + 2 + 9, 0 + 5 + 1, 3], np.float64)
        require_close(metrics["number"], sums.mean(), "the mean over minibatches of a sum")
        require_close(metrics["together"], np.square(sums).mean(), "the mean over minibatches of a square")

    def _epoch(self, permutation: list[int], size: int) -> tuple[Array, dict[str, Array]]:
        """How often each of ten rows was visited, and the metrics."""
        backend = self.training_backend
        module = network_module(backend, _ONE_WEIGHT_A_ROW)
        columns = {"obs": np.eye(10, dtype=np.float32), "number": np.arange(10, dtype=np.float32)}
        kept = {name: column.copy() for name, column in columns.items()}
        before = backend.get_weights(module)["net.0.weight"]
        metrics = backend.update_epoch(
            module,
            loss=_visits,
            optimizer=backend.make_optimizer(module, PLAIN_DESCENT),
            columns=columns,
            permutation=np.array(permutation),
            minibatch_size=size,
            coeffs={},
            clip=GradientClip(),
        )
        require_same_arrays(columns, kept, "the caller's columns after an epoch")
        delta = np.asarray(before) - np.asarray(backend.get_weights(module)["net.0.weight"])
        return delta[0], {name: self.array(value) for name, value in metrics.items()}

    def test_a_bad_column_stops_before_the_step_and_is_named(self) -> None:
        for bad in (np.nan, np.inf):
            columns = linear_columns()
            columns["slope"][-1] = bad
            self._require_stopped_after_three_steps(linear_loss, columns, "slope")

    def test_a_bad_loss_stops_even_where_its_gradients_are_good(self) -> None:
        def loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
            total, metrics = linear_loss(ops, outputs, {**batch, "slope": ops.exp(batch["slope"])}, coeffs)
            # The logarithm of the last minibatch's sign is not a number; it is constant for the weights.
            return total + ops.stop_gradient(ops.log(ops.mean(batch["sign"]))), metrics

        columns = linear_columns()
        columns["sign"] = np.where(np.arange(8) < 6, 1, -1).astype(np.float32)
        self._require_stopped_after_three_steps(loss, columns, "loss")

    def _require_stopped_after_three_steps(self, loss: Any, columns: dict[str, Any], named: str) -> None:
        """Of four minibatches of two rows, the fourth is bad: expect the state that three good ones give."""
        backend = self.training_backend
        states = []
        for rows in (6, 8):
            with backend.initialising(0):
                module = network_module(backend, LINEAR)
            optimizer = backend.make_optimizer(module, self.settings)
            arguments: dict[str, Any] = {
                "loss": loss,
                "optimizer": optimizer,
                "columns": columns,
                "permutation": np.arange(rows),
                "minibatch_size": 2,
                "coeffs": {},
                "clip": GradientClip(),
            }
            if rows == 6:
                backend.update_epoch(module, **arguments)
            else:
                with refused(NotANumberError, f"update_epoch() with a bad {named}", naming=[named]):
                    backend.update_epoch(module, **arguments)
            states.append((backend.get_weights(module), optimizer.get_state()))
        for good, after in zip(*states, strict=True):
            require_same_arrays(after, good, "weights and optimizer after a step that was not taken")
