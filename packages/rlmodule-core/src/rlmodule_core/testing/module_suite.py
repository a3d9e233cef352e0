"""The exam of an RLModule."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core.columns import Columns
from rlmodule_core.distributions import DiagGaussianDistribution
from rlmodule_core.errors import ConfigError, SpecCheckingError, StateError
from rlmodule_core.module.actions import compute_actions
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.module.spec import SingleAgentRLModuleSpec
from rlmodule_core.testing.backend_exam import installed_backends
from rlmodule_core.testing.batches import native_batch
from rlmodule_core.testing.compare import (
    Array,
    leaves,
    require,
    require_close,
    require_same,
    require_same_arrays,
)
from rlmodule_core.testing.global_generators import global_generators_untouched
from rlmodule_core.testing.guard import Exam
from rlmodule_core.testing.live_arrays import require_written_in_place
from rlmodule_core.testing.random_weights import perturbed

_PHASES = ("train", "exploration", "inference")
_ACTING = ("exploration", "inference")


class ModuleSuite(Exam):
    """A module keeps the contract of RLModule.

    A subclass sets `module_class` and the spaces, or overrides `make_module`; for batches that need more than
    observations it overrides `make_batch` too.

    Attributes:
        module_class: the examinee.
        observation_space: of the modules that `make_module` makes.
        action_space: of the modules that `make_module` makes.
        model_config_dict: their settings.
        catalog_class: their catalog.
        framework: needed for a neutral `module_class`.
    """

    module_class: ClassVar[type[RLModule] | None] = None
    observation_space: ClassVar[gym.Space[Any]] = gym.spaces.Box(-np.inf, np.inf, (4,))
    action_space: ClassVar[gym.Space[Any]] = gym.spaces.Discrete(3)
    model_config_dict: ClassVar[Mapping[str, Any]] = {}
    catalog_class: ClassVar[type[Any] | str | None] = None
    framework: ClassVar[str | None] = None

    def make_module(self) -> RLModule:
        """A fresh module; two calls make modules of one structure."""
        return SingleAgentRLModuleSpec(
            self.module_class,
            self.observation_space,
            self.action_space,
            self.model_config_dict,
            self.catalog_class,
        ).build(framework=self.framework)

    def make_batch(self, module: RLModule) -> dict[str, Any]:
        """A batch of six rows that every forward of the module takes, as native tensors."""
        space = None if module.config is None else module.config.observation_space
        if space is None:
            raise ConfigError(f"{type(module).__name__} has no observation space. Override {type(self)}.make_batch.")
        return native_batch(module, space)

    def _module(self) -> RLModule:
        module = self.make_module()
        # By the backend, because a get_state() that forgets a weight would leave that one at its start.
        module.backend.set_weights(module, perturbed(module.backend.get_weights(module), 1))
        return module

    def _outputs(self, module: RLModule, phase: str, batch: Mapping[str, Any]) -> dict[str, Array]:
        output = module.backend.to_numpy(dict(getattr(module, f"forward_{phase}")(batch)))
        arrays = {path: leaf for path, leaf in leaves(output) if isinstance(leaf, np.ndarray)}
        for path, array in arrays.items():
            require(np.isfinite(array).all(), f"forward_{phase}: {path!r} is not finite.")
        return arrays

    def _require_same_outputs(self, module: RLModule, twin: RLModule, what: str) -> None:
        batch = self.make_batch(module)
        for phase in _ACTING:
            expected = self._outputs(module, phase, batch)
            require_same_arrays(self._outputs(twin, phase, batch), expected, f"{what}: forward_{phase}")

    def test_setup_happens_in_the_constructor_and_names_a_framework(self) -> None:
        module = self.make_module()
        require(module.framework in installed_backends(), f"framework {module.framework!r} is not installed.")
        require(module.unwrapped() is module, "unwrapped() must give the module itself.")

    def test_a_batch_without_its_columns_is_refused(self) -> None:
        module = self.make_module()
        for phase in _PHASES:
            if getattr(module, f"input_specs_{phase}")():
                with pytest.raises(SpecCheckingError, match=f"forward_{phase}"):
                    getattr(module, f"forward_{phase}")({})

    def test_outputs_of_acting_are_checked(self) -> None:
        for phase in _ACTING:
            module = self.make_module()
            batch = self.make_batch(module)
            self._outputs(module, phase, batch)
            setattr(module, f"_forward_{phase}", lambda batch: {"unheard_of": 1})
            with pytest.raises(SpecCheckingError, match=f"forward_{phase}"):
                getattr(module, f"forward_{phase}")(batch)

    def test_every_forward_leaves_the_batch_as_it_is(self) -> None:
        module = self._module()
        batch = self.make_batch(module)
        given = dict(batch)
        kept = {path: np.array(leaf) for path, leaf in leaves(module.backend.to_numpy(given))}
        for phase in _PHASES:
            getattr(module, f"forward_{phase}")(batch)
            require(list(batch) == list(given), f"forward_{phase} changed the batch's keys to {list(batch)}.")
            after = dict(leaves(module.backend.to_numpy(batch)))
            require_same_arrays(after, kept, f"the batch after forward_{phase}")

    def test_exploring_and_training_agree_on_log_probabilities(self) -> None:
        module = self._module()
        batch = self.make_batch(module)
        explored = compute_actions(module, batch, explore=True, rng=module.backend.rng(0))
        trained = module.forward_train(batch)
        if Columns.ACTION_LOGP not in explored or Columns.ACTION_DIST_INPUTS not in trained:
            pytest.skip("The module gives no distribution in exploration or in training.")
        dist = module.get_train_action_dist_cls().from_logits(trained[Columns.ACTION_DIST_INPUTS])
        logp, behaviour = (
            module.backend.to_numpy(value)
            for value in (dist.logp(explored[Columns.ACTIONS]), explored[Columns.ACTION_LOGP])
        )
        tolerance = 1e-4 if isinstance(dist, DiagGaussianDistribution) else 1e-5
        require_close(logp, behaviour, "logp in training against exploration", tolerance=tolerance)

    def test_inference_is_deterministic_whatever_ran_before(self) -> None:
        module = self._module()
        batch = self.make_batch(module)
        state, expected = module.get_state(), self._outputs(module, "inference", batch)
        for phase in _PHASES:
            self._outputs(module, phase, batch)
            # A layer that keeps statistics of its training batches has changed.
            module.set_state(state)
            require_same_arrays(self._outputs(module, "inference", batch), expected, f"inference after {phase}")
        acted = [compute_actions(module, batch, explore=False, rng=module.backend.rng(seed)) for seed in (0, 1)]
        one, other = (module.backend.to_numpy(each[Columns.ACTIONS]) for each in acted)
        require_same(other, one, "the actions of inference, with another generator")

    def test_exploration_draws_from_the_given_generator_alone(self) -> None:
        module = self._module()
        batch = self.make_batch(module)
        with global_generators_untouched("Acting"):
            one, other = (
                module.backend.to_numpy(
                    compute_actions(module, batch, explore=True, rng=module.backend.rng(5))[Columns.ACTIONS]
                )
                for _ in range(2)
            )
            self._outputs(module, "inference", batch)
        require_same(other, one, "actions drawn with one seed")

    def test_a_batch_permutes_with_its_rows(self) -> None:
        module, order = self._module(), np.array([3, 0, 5, 1, 4, 2])
        batch = self.make_batch(module)
        permuted = module.backend.batch(None, _rows(module.backend.to_numpy(batch), order), like=module)
        for phase in _ACTING:
            expected = self._outputs(module, phase, batch)
            for path, array in self._outputs(module, phase, permuted).items():
                require_close(array, expected[path][order], f"forward_{phase}: {path!r} of permuted rows")

    def test_a_state_makes_another_module_the_same_bit_for_bit(self) -> None:
        module, twin = self._module(), self.make_module()
        twin.set_state(module.get_state())
        require_same_arrays(twin.get_state(), module.get_state(), "the state after set_state")
        self._require_same_outputs(module, twin, "after set_state")

    def test_a_state_that_does_not_fit_changes_nothing(self) -> None:
        module = self._module()
        before = module.get_state()
        whole, name = perturbed(before, 2), next(iter(before), None)
        wrong = [{**whole, "unheard_of": np.zeros(1, np.float32)}]
        if name is not None:
            wrong.append({other: array for other, array in whole.items() if other != name})
            wrong.append({**whole, name: np.zeros((*whole[name].shape, 2), np.float32)})
        for state in wrong:
            with pytest.raises(StateError):
                module.set_state(state)
            require_same_arrays(module.get_state(), before, "the state after a refused set_state")

    def test_a_state_is_copied_in_and_written_in_place(self) -> None:
        module = self._module()
        before = {name: array.copy() for name, array in module.get_state().items()}
        for array in module.get_state().values():
            array[...] = 7
        require_same_arrays(module.get_state(), before, "the state after its copy changed")
        require_written_in_place(module.backend, module, module.get_state, module.set_state)

    def test_a_checkpoint_brings_the_module_back_bit_for_bit(self) -> None:
        module = self._module()
        with tempfile.TemporaryDirectory() as directory:
            path = module.save_to_checkpoint(Path(directory) / "checkpoint")
            loaded = RLModule.from_checkpoint(path, module_class=type(module))
        require(type(loaded) is type(module), f"a {type(module).__name__} came back as a {type(loaded).__name__}.")
        require_same_arrays(loaded.get_state(), module.get_state(), "the state from the checkpoint")
        self._require_same_outputs(module, loaded, "from the checkpoint")

    def test_a_copy_is_equal_and_independent(self) -> None:
        module = self._module()
        self._outputs(module, "inference", self.make_batch(module))
        twin = copy.deepcopy(module)
        self._require_same_outputs(module, twin, "of a deep copy")
        before = module.get_state()
        twin.set_state(perturbed(before, 3))
        require_same_arrays(module.get_state(), before, "the state after its deep copy changed")

    def test_other_frameworks_compute_the_same_where_the_module_is_portable(self) -> None:
        module = self._module()
        batch = self.make_batch(module)
        for name in installed_backends():
            if module.non_portable_part() is not None:
                with pytest.raises(ConfigError):
                    module.to_framework(name)
                continue
            twin = module.to_framework(name)
            same = twin.backend.batch(None, module.backend.to_numpy(batch), like=twin)
            for phase in _PHASES:
                expected = self._outputs(module, phase, batch)
                for path, array in self._outputs(twin, phase, same).items():
                    require_close(array, expected[path], f"forward_{phase} in {name}: {path!r}")


def _rows(batch: Any, order: Array) -> Any:
    if isinstance(batch, Mapping):
        return {key: _rows(item, order) for key, item in batch.items()}
    return batch[order]
