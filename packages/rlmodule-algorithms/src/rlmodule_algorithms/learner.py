"""The learner: updates the modules of a container from batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from rlmodule_algorithms.config.settings import AlgorithmSettings
from rlmodule_algorithms.learner_contract import (
    checked_loss,
    checked_names,
    checked_numbers,
    checked_optimizer,
    require_rows,
)
from rlmodule_algorithms.masked import cleared, counted_steps
from rlmodule_algorithms.normalising.statistics import ObservationStatistics
from rlmodule_algorithms.sampling.rollout import Rollout
from rlmodule_algorithms.sampling.train_batch import transitions
from rlmodule_algorithms.schedules import Schedule
from rlmodule_core import (
    Columns,
    ConfigError,
    GradientClip,
    Loss,
    Ops,
    Optimizer,
    OptimizerSettings,
    RLModule,
    SpecCheckingError,
    Tensor,
    get_training_backend,
)
from rlmodule_core.plans import Weights
from rlmodule_core.spaces import named_leaves
from rlmodule_marl import MultiAgentRLModule

Batch = Mapping[str, Any]
"""Arrays `[N, ...]` by column, or nested dicts of them; of sequences `[N, L, ...]`, see `transitions`."""


class Learner(ABC):
    """Minimises a loss over batches, module by module, in any framework.

    Subclass it to write an algorithm: `compute_loss_for_module` is the one method that must be there.

    Args:
        module: the container whose modules learn.
        config: the algorithm's options.
        rng: shuffles the minibatches.
    """

    def __init__(self, module: MultiAgentRLModule, config: AlgorithmSettings, rng: np.random.Generator) -> None:
        self.module = module
        self.config = config
        self.rng = rng
        self.backend = get_training_backend(config.framework_name)
        self.optimizers = {
            module_id: checked_optimizer(self, self.configure_optimizer(module_id)) for module_id in module
        }
        self._losses: dict[str, tuple[RLModule, Loss]] = {}
        self._statistics = ObservationStatistics(self.backend, dict(module.items()))
        self.setup()

    def setup(self) -> None:  # noqa: B027 (a hook that may stay empty)
        """Make what else the learner needs, a target network say; called once, at the end of the constructor."""

    @abstractmethod
    def compute_loss_for_module(
        self, module_id: str, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Mapping[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of one minibatch, 0-d, and metrics to report.

        Args:
            module_id: whose loss.
            outputs: what the module's `forward_train` returned.
            batch: the minibatch's columns, native tensors. Of a module with memory both are given without padding,
                one row for each step that counts, `[S, ...]`; `seq_lens` tells whose they are, sequence by sequence.
            coeffs: see `coefficients`.
        """

    def configure_optimizer(self, module_id: str) -> Optimizer:
        """The optimizer of one module."""
        settings = OptimizerSettings(lr=Schedule.of("lr", self.config.lr).at(0))
        return self.backend.make_optimizer(self.module[module_id], settings)

    def make_batch(self, rollout: Rollout, module: RLModule) -> tuple[dict[str, Any], dict[str, float]]:
        """The columns `[N, ...]` to learn from, and metrics: by default the transitions as they were sampled.

        Args:
            rollout: fresh from the runner.
            module: the module that acted, with the same weights as the one that learns.
        """
        return transitions(rollout), {}

    def required_outputs(self) -> tuple[str, ...]:
        """The outputs of `forward_train` without which the loss cannot be computed."""
        return ()

    def required_columns(self) -> tuple[str, ...]:
        """The columns without which the loss cannot be computed."""
        return ()

    def coefficients(self, module_id: str, timestep: int) -> dict[str, float]:
        """The numbers in the loss that change during training, after `timestep` environment steps."""
        return {}

    def after_iteration(self, module_id: str, metrics: Mapping[str, float]) -> dict[str, float]:
        """Adapt what changes between iterations; further metrics to report."""
        return {}

    def get_state(self) -> dict[str, Any]:
        """What must be stored, beside weights and optimizer moments, to go on later: JSON-able."""
        return {"shuffle_rng": dict(self.rng.bit_generator.state)}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` gave; extend both together."""
        self.rng.bit_generator.state = dict(state["shuffle_rng"])

    def get_arrays(self) -> dict[str, Weights]:
        """Copies of the arrays that must be stored, beside the modules' weights, by group and name.

        The optimizers' moments and the statistics of observations are in it; a target network or a replay buffer is
        added by overriding this and `set_arrays`.
        """
        moments = {f"optimizer.{module_id}": optimizer.get_state() for module_id, optimizer in self.optimizers.items()}
        return {**moments, **self._statistics.get_arrays()}

    def set_arrays(self, arrays: Mapping[str, Weights]) -> None:
        """Go on from what `get_arrays` gave."""
        for module_id, optimizer in self.optimizers.items():
            optimizer.set_state(arrays[f"optimizer.{module_id}"])
        self._statistics.set_arrays(arrays)

    def update(self, batches: Mapping[str, Batch], *, timestep: int) -> dict[str, dict[str, float]]:
        """Update each module that has a batch.

        Args:
            batches: columns `[N, ...]` by module id.
            timestep: environment steps sampled so far; schedules follow it.

        Returns:
            Metrics by module id: means over the last epoch's minibatches.

        Raises:
            NotANumberError: a loss or gradient is not finite; the weights are the last good ones.
        """
        return {module_id: self._update(module_id, columns, timestep) for module_id, columns in batches.items()}

    def update_statistics(self, rollouts: Mapping[str, Rollout]) -> None:
        """Merge observations into what the modules normalise them by: once an iteration, after `update`.

        Whatever the modules learn from, a replay buffer say, statistics are those of the fresh observations.

        Args:
            rollouts: by the id of the module that acted.

        Raises:
            ConfigError: a normaliser does not fit the observations.
        """
        self._statistics.merge(rollouts)

    def _update(self, module_id: str, columns: Batch, timestep: int) -> dict[str, float]:
        self._require_columns(module_id, columns)
        rows = self._rows_of(module_id, columns)
        if rows == 0:
            # Every environment only reset itself in this fragment.
            return {}
        lr = Schedule.of("lr", self.config.lr).at(timestep)
        self.optimizers[module_id].set_lr(lr)
        coeffs = checked_numbers(self, "coefficients", self.coefficients(module_id, timestep))
        # Dropout and its like draw from the framework's own generator.
        with self.backend.initialising(int(self.rng.integers(2**31))):
            tensors = self._epochs(module_id, cleared(columns), rows, coeffs)
        metrics = {name: float(self.backend.to_numpy(value)) for name, value in tensors.items()}
        current = {f"curr_{name}": value for name, value in coeffs.items()}
        further = checked_numbers(self, "after_iteration", self.after_iteration(module_id, metrics))
        return {**metrics, "curr_lr": lr, **current, **further}

    def _epochs(self, module_id: str, columns: Batch, rows: int, coeffs: Mapping[str, float]) -> dict[str, Tensor]:
        """Every epoch over the rows; the metrics of the last."""
        # Of sequences, minibatches draw whole ones, but the option counts steps.
        steps = int(np.sum(columns[Columns.SEQ_LENS])) if Columns.SEQ_LENS in columns else rows
        # As few minibatches as the option allows, of equal size: a last one of a few rows would be all noise.
        minibatches = -(-steps // self.config.minibatch_size)
        tensors: dict[str, Tensor] = {}
        for _ in range(self.config.num_epochs):
            tensors = self.backend.update_epoch(
                self.module[module_id],
                loss=self._loss_of(module_id),
                optimizer=self.optimizers[module_id],
                columns=columns,
                permutation=self.rng.permutation(rows),
                minibatch_size=-(-rows // minibatches),
                coeffs=coeffs,
                clip=GradientClip(self.config.grad_clip, self.config.grad_clip_by),
            )
        return tensors

    def _loss_of(self, module_id: str) -> Loss:
        """The module's own loss where it has one, else the algorithm's: the same function every time.

        A backend that traces it would else trace it anew for every epoch.
        """
        module = self.module[module_id]
        known = self._losses.get(module_id)
        if known is None or known[0] is not module:
            known = self._losses[module_id] = module, self._make_loss(module_id, module)
        return known[1]

    def _make_loss(self, module_id: str, module: RLModule) -> Loss:
        required = checked_names(self, "required_outputs", self.required_outputs())

        def loss(
            ops: Ops, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Mapping[str, Any]
        ) -> tuple[Tensor, dict[str, Tensor]]:
            if Columns.SEQ_LENS in batch and Columns.LOSS_MASK in batch:
                mask = batch[Columns.LOSS_MASK]
                outputs, batch = counted_steps(ops, outputs, mask), counted_steps(ops, batch, mask)
            own = module.compute_loss(outputs, batch, coeffs)
            if own is not None:
                return own
            missing = [name for name in required if name not in outputs]
            if missing:
                raise SpecCheckingError(
                    f"{type(module).__name__}.forward_train of module {module_id!r} returned {sorted(outputs)}, but "
                    f"{type(self).__name__} needs {missing} as well. Return them from _forward_train."
                )
            return checked_loss(self, self.compute_loss_for_module(module_id, outputs, batch, coeffs))

        return loss

    def _rows_of(self, module_id: str, columns: Batch) -> int:
        leaves = dict(named_leaves(columns))
        require_rows(self, module_id, leaves)
        lengths = {name: len(leaf) for name, leaf in leaves.items()}
        if len(set(lengths.values())) != 1:
            raise ConfigError(
                f"The columns of module {module_id!r} must have equally many rows, at least one column, got {lengths} "
                f"in {type(self).__name__}. Check make_batch, or what was passed to update()."
            )
        return next(iter(lengths.values()))

    def _require_columns(self, module_id: str, columns: Batch) -> None:
        required = checked_names(self, "required_columns", self.required_columns())
        missing = [name for name in required if name not in columns]
        if missing:
            raise ConfigError(
                f"{type(self).__name__} needs the columns {missing} of module {module_id!r}, but its batch has only "
                f"{sorted(columns)}. Return 'action_dist_inputs' from _forward_exploration, from which actions and "
                "log-probabilities follow."
            )
        if Columns.SEQ_LENS in columns and Columns.LOSS_MASK not in columns:
            # Else the padding would be learned from, without a word.
            raise ConfigError(
                f"The batch of module {module_id!r} holds sequences, by its 'seq_lens', but no 'loss_mask' [N, L] that "
                "says which steps count. Add it: np.arange(L) < seq_lens[:, None]."
            )
