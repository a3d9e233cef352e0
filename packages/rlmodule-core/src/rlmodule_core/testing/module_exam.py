"""What the questions about one module share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from rlmodule_core.columns import Columns
from rlmodule_core.distributions import DiagGaussianDistribution, JointDistribution
from rlmodule_core.errors import ConfigError
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.module.spec import SingleAgentRLModuleSpec
from rlmodule_core.spaces import map_leaves
from rlmodule_core.testing.batches import native_batch
from rlmodule_core.testing.compare import Array, leaves, require, require_same
from rlmodule_core.testing.guard import Exam
from rlmodule_core.testing.random_weights import perturbed

ACTING = ("forward_exploration", "forward_inference")
LEARNING = ("forward_train", *ACTING)
REPEATABLE = ("evaluate_train", *ACTING)
"""The forwards that compute the same again: layers that differ in training, such as dropout, are off."""


class ModuleExam(Exam):
    """A suite about the modules that `make_module` makes; ModuleSuite describes the attributes."""

    module_class: ClassVar[type[RLModule] | None] = None
    observation_space: ClassVar[gym.Space[Any]] = gym.spaces.Box(-np.inf, np.inf, (4,))
    action_space: ClassVar[gym.Space[Any]] = gym.spaces.Discrete(3)
    model_config_dict: ClassVar[Mapping[str, Any]] = {}
    catalog_class: ClassVar[type[Any] | str | None] = None
    framework: ClassVar[str | None] = None

    def make_module(self) -> RLModule:
        """A fresh module; two calls make modules of one structure."""
        return SingleAgentRLModuleSpec(
            self.given("module_class"),
            self.observation_space,
            self.action_space,
            self.model_config_dict,
            self.catalog_class,
        ).build(framework=self.framework)

    def make_batch(self, module: RLModule) -> dict[str, Any]:
        """A batch of six rows that every forward of the module takes, as native tensors.

        Of a module that remembers, six sequences of three steps and a state in which each has begun.
        """
        space = None if module.config is None else module.config.observation_space
        if space is None:
            raise ConfigError(
                f"{type(module).__name__} has no observation space to make a batch by. Override "
                f"{type(self).__name__}.make_batch."
            )
        return native_batch(module, space)

    def _one_step(self, module: RLModule, batch: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The batch for `compute_actions`, and the same for forwards; of sequences the first step alone."""
        if not module.is_stateful():
            return dict(batch), dict(batch)
        sequences = {name: column for name, column in batch.items() if name != Columns.STATE_IN}
        state = {Columns.STATE_IN: batch[Columns.STATE_IN]}
        rows, steps = (map_leaves(lambda leaf, at=at: leaf[:, at], sequences) for at in (0, slice(1)))
        return {**rows, **state}, {**steps, **state}

    def _inputs_of_rows(self, module: RLModule, outputs: Mapping[str, Any]) -> Any:
        """The `action_dist_inputs [B, A]` of one step."""
        inputs = outputs[Columns.ACTION_DIST_INPUTS]
        return inputs[:, 0] if module.is_stateful() else inputs

    def _module(self) -> RLModule:
        module = self.make_module()
        # By the backend, because a get_state() that forgets a weight would leave that one at its start.
        module.backend.set_weights(module, perturbed(module.backend.get_weights(module), 1))
        return module

    def _outputs(self, module: RLModule, forward: str, batch: Mapping[str, Any]) -> dict[str, Array]:
        output = module.backend.to_numpy(dict(getattr(module, forward)(batch)))
        arrays = {path: leaf for path, leaf in leaves(output) if isinstance(leaf, np.ndarray)}
        for path, array in arrays.items():
            finite = np.isfinite(array)
            require(finite.all(), f"{forward}: expected finite numbers, got {array[~finite][:1]} in {path!r}.")
        return arrays

    def _require_same(self, found: Any, expected: Any, what: str) -> None:
        """Compare actions in numpy, single arrays or nested mappings."""
        __tracebackhide__ = True
        wanted = dict(leaves(expected, ""))
        for path, leaf in leaves(found, ""):
            require_same(leaf, wanted[path], f"{what}{path}")

    def _tolerance(self, module: RLModule) -> float:
        """How far log-probabilities and their ratios may be off."""
        loose = DiagGaussianDistribution, JointDistribution
        return 1e-4 if issubclass(module.get_train_action_dist_cls(), loose) else 1e-5

    def _gives_distributions(self, module: RLModule, explored: Mapping[str, Any], batch: Mapping[str, Any]) -> bool:
        return Columns.ACTION_LOGP in explored and Columns.ACTION_DIST_INPUTS in module.evaluate_train(batch)
