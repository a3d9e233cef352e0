"""Lowered plans: their weights by canonical name, in the canonical layout, in arrays that stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_core.errors import StateError
from rlmodule_core.plans import (
    Activation,
    ActorCritic,
    Chain,
    Dense,
    Encoder,
    FreeParameter,
    LayerNorm,
    Plan,
    initial_weights,
    weight_shapes,
)
from rlmodule_core.testing.backend_exam import BackendExam
from rlmodule_core.testing.compare import require, require_close, require_equal, require_same, require_same_arrays
from rlmodule_core.testing.examining import examining
from rlmodule_core.testing.global_generators import global_generators_untouched
from rlmodule_core.testing.live_arrays import require_written_in_place
from rlmodule_core.testing.random_weights import random_like
from rlmodule_core.testing.reference import reference
from rlmodule_core.testing.refusal import refused

# Square, so that a transposed kernel fits everywhere and shows in the numbers alone.
_CHAIN = Chain((Dense(4, 4), LayerNorm(4), Activation("tanh"), Dense(4, 3, bias=False), FreeParameter(2)))
_ENCODER = Encoder(Chain((Dense(4, 4), Activation("relu"))))
_PLANS: tuple[Plan, ...] = (
    _CHAIN,
    _ENCODER,
    ActorCritic(shared=_ENCODER),
    ActorCritic(actor=_ENCODER, critic=_ENCODER),
)


class WeightsSuite(BackendExam):
    """`lower`, `plan_of`, `get_weights`, `set_weights`, `initialising`, `batch` and `to_numpy`."""

    def test_a_lowered_network_carries_its_plan(self) -> None:
        for plan in _PLANS:
            require_equal(self.backend.plan_of(self.backend.lower(plan)), plan, "plan_of(lower(plan))")
        require_equal(self.backend.plan_of(object()), None, "plan_of() of what was not lowered")

    def test_weights_have_canonical_names_and_shapes(self) -> None:
        for plan in _PLANS:
            with examining(repr(plan)):
                weights = self.backend.get_weights(self.backend.lower(plan))
                shapes = [(name, array.shape) for name, array in weights.items()]
                require_equal(shapes, list(weight_shapes(plan).items()), "names and shapes of first weights")
                require_equal({array.dtype.name for array in weights.values()}, {"float32"}, "dtypes of first weights")

    def test_first_weights_follow_from_the_seed_as_the_plan_says(self) -> None:
        for plan in _PLANS:
            with self.backend.initialising(3):
                weights = self.backend.get_weights(self.backend.lower(plan))
            require_same_arrays(weights, initial_weights(plan, np.random.default_rng(3)), "first weights of seed 3")

    def test_without_a_seed_first_weights_differ_and_no_global_generator_is_touched(self) -> None:
        with global_generators_untouched("Lowering a plan"):
            one, other = (self.backend.get_weights(self.backend.lower(_CHAIN)) for _ in range(2))
            with self.backend.initialising(3):
                self.backend.lower(_CHAIN)
        differ = not np.array_equal(one["0.weight"], other["0.weight"])
        require(differ, "two networks without a seed: expected other first weights, got the same.")

    def test_weights_mean_what_the_layout_says(self) -> None:
        obs = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
        network = self.backend.lower(_CHAIN)
        weights = random_like(self.backend.get_weights(network), 1)
        self.backend.set_weights(network, weights)
        expected = reference(_CHAIN, weights)(obs.astype(np.float64))
        require_close(self.array(network(self.tensor(obs))), expected, "the outputs of set weights")

    def test_weights_come_back_as_they_were_set(self) -> None:
        for plan in _PLANS:
            network = self.backend.lower(plan)
            weights = random_like(self.backend.get_weights(network), 1)
            self.backend.set_weights(network, weights)
            require_same_arrays(self.backend.get_weights(network), weights, "weights after set_weights")

    def test_weights_are_copied_in_and_out(self) -> None:
        network = self.backend.lower(_CHAIN)
        given = random_like(self.backend.get_weights(network), 1)
        kept = {name: array.copy() for name, array in given.items()}
        self.backend.set_weights(network, given)
        for arrays in (given, self.backend.get_weights(network)):
            for array in arrays.values():
                array[...] = 7
        require_same_arrays(self.backend.get_weights(network), kept, "weights after their copies changed")

    def test_set_weights_writes_into_the_existing_arrays(self) -> None:
        backend, network = self.backend, self.backend.lower(_CHAIN)
        require_written_in_place(
            backend, network, lambda: backend.get_weights(network), lambda new: backend.set_weights(network, new)
        )

    def test_weights_that_do_not_fit_are_all_named_and_change_nothing(self) -> None:
        network = self.backend.lower(_CHAIN)
        before = random_like(self.backend.get_weights(network), 1)
        self.backend.set_weights(network, before)
        whole = random_like(before, 2)
        lacking = {name: array for name, array in whole.items() if name != "0.bias"}
        misshaped = {**whole, "1.bias": np.zeros(9, np.float32)}
        for wrong, named in (
            (lacking, ["0.bias"]),
            ({**whole, "more": np.zeros(1)}, ["more"]),
            (misshaped, ["1.bias"]),
            ({**lacking, "1.bias": misshaped["1.bias"], "more": np.zeros(1)}, ["0.bias", "1.bias", "more"]),
        ):
            self._require_refused(network, wrong, named)
            require_same_arrays(self.backend.get_weights(network), before, f"weights after refusing {named}")

    def _require_refused(self, network: Any, wrong: Mapping[str, Any], named: list[str]) -> None:
        with refused(StateError, f"set_weights() where {named} are wrong", naming=named):
            self.backend.set_weights(network, wrong)

    def test_a_batch_has_the_dtypes_that_networks_take(self) -> None:
        for given, wanted in (
            ("float64", "float32"),
            ("float32", "float32"),
            ("float16", "float32"),
            ("uint8", "uint8"),
            ("int32", "int64"),
            ("int64", "int64"),
            ("bool", "bool"),
        ):
            array = np.array([[0, 1], [1, 1]], given)
            require_same(self.array(self.backend.batch(None, array)), array.astype(wanted), f"a batch of {given}")
        space = gym.spaces.Box(-1, 1, (2,), np.float64)
        obs = np.stack([space.sample() for _ in range(3)])[:, ::-1]
        require_same(self.array(self.backend.batch(space, obs)), obs.astype(np.float32), "a batch of a Box")

    def test_nested_batches_go_there_and_back_and_tensors_pass_through(self) -> None:
        nested = {"a": np.ones((2, 3), np.float32), "b": {"c": np.arange(4)}}
        tensors = self.backend.batch(None, nested)
        passed = self.backend.batch(None, tensors["a"]) is tensors["a"]
        require(passed, "batch() of a native tensor: expected that very tensor, got another.")
        back = self.backend.to_numpy({**tensors, "text": "as it is"})
        require_equal(list(back), ["a", "b", "text"], "to_numpy() of a mapping: keys")
        require_equal(back["text"], "as it is", "to_numpy() of a text")
        require_same(back["a"], nested["a"], "a column")
        require_same(back["b"]["c"], np.arange(4, dtype=np.int64), "a nested column")

    def test_without_gradients_computes_the_same(self) -> None:
        network, x = self.backend.lower(_CHAIN), np.ones((2, 4), np.float32)
        expected = self.array(network(self.tensor(x)))
        with self.backend.without_gradients():
            require_same(self.array(network(self.tensor(x))), expected, "outputs without gradients")
