"""A module's gradients, and what is true before its first optimizer step. Skipped where its backend cannot train."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from rlmodule_core.backend import GradientClip, OptimizerSettings, TrainingBackend
from rlmodule_core.columns import Columns
from rlmodule_core.module.actions import compute_actions
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.testing.central_differences import require_module_gradients
from rlmodule_core.testing.compare import leaves, require_close, require_same_arrays
from rlmodule_core.testing.module_exam import ACTING, ModuleExam
from rlmodule_core.testing.network_module import gradients

_ORDER = np.array([3, 0, 5, 1, 4, 2])


class ModuleTrainingSuite(ModuleExam):
    """`forward_train` inside a training backend's `update_epoch`."""

    def _training_backend(self, module: RLModule) -> TrainingBackend:
        backend = module.backend
        if not isinstance(backend, TrainingBackend):
            pytest.skip(f"The backend {backend.name!r} runs forwards only.")
        if not backend.get_weights(module):
            pytest.skip(f"A {type(module).__name__} has no weights.")
        return backend

    def test_the_ratio_is_one_before_the_first_step(self) -> None:
        module = self._module()
        backend, batch = self._training_backend(module), self.make_batch(module)
        acting, learning = self._one_step(module, batch)
        explored = compute_actions(module, acting, explore=True, rng=module.backend.rng(0))
        if not self._gives_distributions(module, explored, learning):
            pytest.skip("The module gives no distribution in exploration or in training.")
        acted = {name: explored[name] for name in (Columns.ACTIONS, Columns.ACTION_LOGP)}
        ratios = backend.update_epoch(
            module,
            loss=self._ratio_by_row(module),
            optimizer=backend.make_optimizer(module, OptimizerSettings()),
            columns=backend.to_numpy({**learning, **acted}),
            permutation=_ORDER,
            minibatch_size=len(_ORDER),
            coeffs={},
            clip=GradientClip(),
        )
        found = [float(backend.to_numpy(ratios[str(row)])) for row in range(len(_ORDER))]
        what = f"the ratio of probabilities, training to exploration, of rows {_ORDER.tolist()} before the first step"
        require_close(found, np.ones(len(_ORDER)), what, tolerance=self._tolerance(module))

    def _ratio_by_row(self, module: RLModule) -> Callable[..., Any]:
        def loss(ops: Any, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Any) -> Any:
            dist = module.get_train_action_dist_cls().from_logits(self._inputs_of_rows(module, outputs))
            ratio = ops.exp(dist.logp(batch[Columns.ACTIONS]) - batch[Columns.ACTION_LOGP])
            return ops.mean(ratio), {str(row): ratio[row] for row in range(len(_ORDER))}

        return loss

    def test_acting_records_no_gradients(self) -> None:
        module = self._module()
        backend, batch = self._training_backend(module), self.make_batch(module)
        if not _floats(backend.ops, module.evaluate_train(batch)):
            pytest.skip("forward_train gives nothing to differentiate.")
        columns = backend.to_numpy(batch)

        def moved(forward: Callable[[Any], Any]) -> dict[str, Any]:
            def loss(ops: Any, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Any) -> Any:
                return sum(0.0 * leaf for leaf in _floats(ops, outputs)) + sum(_floats(ops, forward(batch))), {}

            # So that dropout drops the same every time.
            with backend.initialising(0):
                return gradients(backend, module, loss, columns)

        expected = moved(lambda batch: {})
        for forward in ACTING:
            found = moved(getattr(module, forward))
            require_same_arrays(found, expected, f"what the outputs of {forward} add to gradients")

    def test_gradients_are_those_of_central_differences_where_the_module_is_portable(self) -> None:
        module = self._module()
        backend = self._training_backend(module)
        gap = module.non_portable_part()
        if gap is not None:
            pytest.skip(f"The module is not portable because of {gap}.")
        require_module_gradients(backend, module, backend.to_numpy(self.make_batch(module)))


def _floats(ops: Any, outputs: Mapping[str, Any]) -> list[Any]:
    """The mean of each output that can be differentiated."""
    tensors = [leaf for _, leaf in leaves(outputs) if isinstance(leaf, ops.tensor_type)]
    return [ops.mean(tensor) for tensor in tensors if ops.dtype_name(tensor).startswith("float")]
