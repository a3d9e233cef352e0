"""The exam of an RLModule."""

from __future__ import annotations

import copy
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmodule_core.columns import Columns
from rlmodule_core.errors import ConfigError, SpecCheckingError, StateError
from rlmodule_core.module.actions import compute_actions
from rlmodule_core.module.rl_module import RLModule
from rlmodule_core.testing.backend_exam import installed_backends
from rlmodule_core.testing.compare import (
    Array,
    leaves,
    require,
    require_close,
    require_equal,
    require_same_arrays,
)
from rlmodule_core.testing.global_generators import global_generators_untouched
from rlmodule_core.testing.live_arrays import require_written_in_place
from rlmodule_core.testing.module_exam import ACTING, LEARNING, REPEATABLE
from rlmodule_core.testing.module_training_suite import ModuleTrainingSuite
from rlmodule_core.testing.random_weights import perturbed
from rlmodule_core.testing.refusal import refused
from rlmodule_core.testing.sequences import step_by_step


class ModuleSuite(ModuleTrainingSuite):
    """A module keeps the contract of RLModule.

    A subclass sets `module_class` and the spaces, or overrides `make_module`; for batches that need more than
    observations it overrides `make_batch` too. The training tests are skipped where the backend runs forwards only.

    Attributes:
        module_class: the examinee.
        observation_space: of the modules that `make_module` makes.
        action_space: of the modules that `make_module` makes.
        model_config_dict: their settings.
        catalog_class: their catalog.
        framework: needed for a neutral `module_class`.
    """

    def _require_same_outputs(self, module: RLModule, twin: RLModule, what: str) -> None:
        batch = self.make_batch(module)
        for forward in REPEATABLE:
            expected = self._outputs(module, forward, batch)
            require_same_arrays(self._outputs(twin, forward, batch), expected, f"{what}: {forward}")

    def test_setup_happens_in_the_constructor_and_names_a_framework(self) -> None:
        # Of a module that was made before, because a class may be made with its first module.
        module_class, calls = type(self.make_module()), Counter[str]()
        setup = module_class.setup

        def counted(module: RLModule) -> None:
            calls["setup"] += 1
            setup(module)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module_class, "setup", counted)
            made = self.make_module()
        installed = installed_backends()
        require(made.framework in installed, f"framework: expected one of {installed}, got {made.framework!r}.")
        require(made.unwrapped() is made, "unwrapped(): expected the module itself, got another object.")
        require_equal(calls["setup"], 1, "calls of setup() while one module was made")

    def test_a_batch_without_its_columns_is_refused(self) -> None:
        module = self.make_module()
        for forward in LEARNING:
            if getattr(module, forward.replace("forward", "input_specs"))():
                with refused(SpecCheckingError, f"{forward} of an empty batch", naming=[forward]):
                    getattr(module, forward)({})

    def test_outputs_of_acting_are_checked(self) -> None:
        for forward in ACTING:
            module = self.make_module()
            batch = self.make_batch(module)
            self._outputs(module, forward, batch)
            setattr(module, f"_{forward}", lambda batch: {"unheard_of": 1})
            with refused(SpecCheckingError, f"{forward} that returns 'unheard_of' alone", naming=[forward]):
                getattr(module, forward)(batch)

    def test_every_forward_leaves_the_batch_as_it_is(self) -> None:
        module = self._module()
        batch = self.make_batch(module)
        given = dict(batch)
        kept = {path: np.array(leaf) for path, leaf in leaves(module.backend.to_numpy(given))}
        for forward in LEARNING:
            getattr(module, forward)(batch)
            require_equal(list(batch), list(given), f"the keys of the batch after {forward}")
            after = dict(leaves(module.backend.to_numpy(batch)))
            require_same_arrays(after, kept, f"the batch after {forward}")

    def test_exploring_and_training_agree_on_log_probabilities(self) -> None:
        module = self._module()
        batch = self.make_batch(module)
        acting, learning = self._one_step(module, batch)
        explored = compute_actions(module, acting, explore=True, rng=module.backend.rng(0))
        if not self._gives_distributions(module, explored, learning):
            pytest.skip("The module gives no distribution in exploration or in training.")
        trained = module.forward_train(learning)
        dist = module.get_train_action_dist_cls().from_logits(self._inputs_of_rows(module, trained))
        logp, behaviour = (
            module.backend.to_numpy(value)
            for value in (dist.logp(explored[Columns.ACTIONS]), explored[Columns.ACTION_LOGP])
        )
        what = "logp of the actions explored, in training against exploration"
        require_close(logp, behaviour, what, tolerance=self._tolerance(module))

    def test_inference_is_deterministic_whatever_ran_before(self) -> None:
        module = self._module()
        batch = self.make_batch(module)
        state, expected = module.get_state(), self._outputs(module, "forward_inference", batch)
        for forward in LEARNING:
            self._outputs(module, forward, batch)
            # A layer that keeps statistics of its training batches has changed.
            module.set_state(state)
            again = self._outputs(module, "forward_inference", batch)
            require_same_arrays(again, expected, f"forward_inference again, after {forward}")
        step, _ = self._one_step(module, batch)
        acted = [compute_actions(module, step, explore=False, rng=module.backend.rng(seed)) for seed in (0, 1)]
        one, other = (module.backend.to_numpy(each[Columns.ACTIONS]) for each in acted)
        self._require_same(other, one, "the actions of inference, with another generator")

    def test_exploration_draws_from_the_given_generator_alone(self) -> None:
        module = self._module()
        batch = self.make_batch(module)
        step, _ = self._one_step(module, batch)
        with global_generators_untouched("Acting"):
            one, other = (
                module.backend.to_numpy(
                    compute_actions(module, step, explore=True, rng=module.backend.rng(5))[Columns.ACTIONS]
                )
                for _ in range(2)
            )
            self._outputs(module, "forward_inference", batch)
        self._require_same(other, one, "actions drawn with one seed")

    def test_a_batch_permutes_with_its_rows(self) -> None:
        module, order = self._module(), np.array([3, 0, 5, 1, 4, 2])
        batch = self.make_batch(module)
        permuted = module.backend.batch(None, _rows(module.backend.to_numpy(batch), order), like=module)
        for forward in REPEATABLE:
            expected = self._outputs(module, forward, batch)
            for path, array in self._outputs(module, forward, permuted).items():
                require_close(array, expected[path][order], f"{forward}: {path!r} of permuted rows")

    def test_single_steps_equal_one_sequence(self) -> None:
        module = self._module()
        if not module.is_stateful():
            pytest.skip("The module carries no state.")
        batch, ops = self.make_batch(module), module.backend.ops
        for forward in REPEATABLE:
            expected = self._outputs(module, forward, batch)
            single = step_by_step(getattr(module, forward), batch, lambda parts: ops.concat(parts, 1))
            for path, leaf in leaves(module.backend.to_numpy(single)):
                require_close(leaf, expected[path], f"{forward}: {path!r} of single steps")

    def test_a_state_makes_another_module_the_same_bit_for_bit(self) -> None:
        module, twin = self._module(), self.make_module()
        twin.set_state(module.get_state())
        require_same_arrays(twin.get_state(), module.get_state(), "the state after set_state")
        self._require_same_outputs(module, twin, "after set_state")

    def test_a_state_that_does_not_fit_changes_nothing(self) -> None:
        module = self._module()
        before = module.get_state()
        whole, name = perturbed(before, 2), next(iter(before), None)
        wrong = {"with 'unheard_of' beside the rest": {**whole, "unheard_of": np.zeros(1, np.float32)}}
        if name is not None:
            wrong[f"without {name!r}"] = {other: array for other, array in whole.items() if other != name}
            misshaped = np.zeros((*whole[name].shape, 2), np.float32)
            wrong[f"with {name!r} of shape {misshaped.shape}"] = {**whole, name: misshaped}
        for how, state in wrong.items():
            with refused(StateError, f"set_state {how}"):
                module.set_state(state)
            require_same_arrays(module.get_state(), before, f"the state after a refused set_state {how}")

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
        require_equal(type(loaded), type(module), "the class of what was loaded")
        require_same_arrays(loaded.get_state(), module.get_state(), "the state from the checkpoint")
        self._require_same_outputs(module, loaded, "from the checkpoint")

    def test_a_copy_is_equal_and_independent(self) -> None:
        module = self._module()
        self._outputs(module, "forward_inference", self.make_batch(module))
        twin = copy.deepcopy(module)
        self._require_same_outputs(module, twin, "of a deep copy")
        before = module.get_state()
        twin.set_state(perturbed(before, 3))
        require_same_arrays(module.get_state(), before, "the state after its deep copy changed")

    def test_other_frameworks_compute_the_same_where_the_module_is_portable(self) -> None:
        module = self._module()
        batch = self.make_batch(module)
        for name in installed_backends(module.architecture):
            if module.non_portable_part() is not None:
                with refused(ConfigError, f"to_framework({name!r}) of a module that is not portable"):
                    module.to_framework(name)
                continue
            twin = module.to_framework(name)
            same = twin.backend.batch(None, module.backend.to_numpy(batch), like=twin)
            for forward in REPEATABLE:
                expected = self._outputs(module, forward, batch)
                for path, array in self._outputs(twin, forward, same).items():
                    require_close(array, expected[path], f"{forward} in {name}: {path!r}")


def _rows(batch: Any, order: Array) -> Any:
    if isinstance(batch, Mapping):
        return {key: _rows(item, order) for key, item in batch.items()}
    return batch[order]
