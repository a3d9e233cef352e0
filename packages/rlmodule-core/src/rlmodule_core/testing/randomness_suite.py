"""The random generators of a backend: they have owners, seeds and a state that JSON can hold."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from rlmodule_core.backend import Rng
from rlmodule_core.testing.backend_exam import BackendExam
from rlmodule_core.testing.compare import Array, require, require_equal, require_same
from rlmodule_core.testing.global_generators import global_generators_untouched

_LOGITS = np.array([0.0, 1.0, -1.0, 2.0], np.float32)
_MANY = 20_000


class RandomnessSuite(BackendExam):
    """`random_normal`, `random_uniform`, `random_categorical` and the generators that they draw from."""

    def _draw(self, rng: Rng | None, rows: int = 40) -> tuple[Array, Array, Array]:
        ops, like = self.backend.ops, self.tensor(np.zeros((rows, 2), np.float32))
        normal, uniform = ops.random_normal(rng, like), ops.random_uniform(rng, like)
        index = ops.random_categorical(rng, self.tensor(np.tile(_LOGITS, (rows, 1))))
        return self.array(normal), self.array(uniform), self.array(index)

    def _require_equal(self, one: Any, other: Any, what: str) -> None:
        for mine, theirs in zip(one, other, strict=True):
            require_same(mine, theirs, what)

    def _require_unequal(self, one: Any, other: Any, what: str) -> None:
        for mine, theirs in zip(one, other, strict=True):
            require(not np.array_equal(mine, theirs), f"{what}: expected other draws, got twice the same.")

    def test_draws_have_their_shapes_and_dtypes(self) -> None:
        normal, uniform, index = self._draw(self.backend.rng(0), rows=5)
        require_equal((uniform.dtype.name, uniform.shape), ("float32", (5, 2)), "ops.random_uniform like [5, 2]")
        require_equal((normal.dtype.name, normal.shape), ("float32", (5, 2)), "ops.random_normal like [5, 2]")
        require_equal((index.dtype.name, index.shape), ("int64", (5,)), "ops.random_categorical of [5, 4]")
        nested = self.backend.ops.random_categorical(self.backend.rng(0), self.tensor(np.zeros((2, 3, 4), np.float32)))
        require_equal(self.array(nested).shape, (2, 3), "ops.random_categorical of [2, 3, 4]: shape")

    def test_draws_follow_their_distributions(self) -> None:
        normal, uniform, index = self._draw(self.backend.rng(0), rows=_MANY)
        self._require_near(normal.mean(axis=0), np.zeros(2), 1.0, "the mean of ops.random_normal")
        self._require_near(normal.var(axis=0), np.ones(2), 2.0, "the variance of ops.random_normal")
        self._require_near(np.corrcoef(normal.T)[0, 1], 0.0, 1.0, "the correlation in ops.random_normal")
        require(bool(((uniform >= 0) & (uniform < 1)).all()), "ops.random_uniform: expected draws from 0 to below 1.")
        self._require_near(uniform.mean(axis=0), np.full(2, 1 / 2), 1 / 12, "the mean of ops.random_uniform")
        self._require_near(np.square(uniform).mean(axis=0), 1 / 3, 4 / 45, "the mean square of ops.random_uniform")
        self._require_near(np.corrcoef(uniform.T)[0, 1], 0.0, 1.0, "the correlation in ops.random_uniform")
        expected = np.exp(_LOGITS) / np.exp(_LOGITS).sum()
        counts = np.bincount(index, minlength=4)
        self._require_near(counts / _MANY, expected, expected, "the frequencies of ops.random_categorical")

    def _require_near(self, found: Any, expected: Any, variance: Any, what: str) -> None:
        allowed = 5 * np.sqrt(variance / _MANY)
        near = np.all(np.abs(found - expected) < allowed)
        require(near, f"{what}, over {_MANY} draws: expected {expected} within {allowed}, got {found}.")

    def test_a_seed_decides_the_draws(self) -> None:
        rng, other = self.backend.rng(3), self.backend.rng(4)
        first = self._draw(rng)
        self._require_equal(self._draw(self.backend.rng(3)), first, "draws of one seed")
        self._require_unequal(self._draw(other), first, "draws of two seeds")
        self._require_unequal(self._draw(rng), first, "draws one after the other")

    def test_generators_do_not_disturb_each_other(self) -> None:
        rng, other = self.backend.rng(3), self.backend.rng(3)
        self._draw(rng)
        self._draw(None)
        expected = self._draw(self.backend.rng(3))
        self._require_equal(self._draw(other), expected, "draws beside another generator")

    def test_a_state_goes_through_json_and_continues(self) -> None:
        rng, other = self.backend.rng(3), self.backend.rng(99)
        self._draw(rng)
        state = json.loads(json.dumps(rng.get_state()))
        expected = self._draw(rng)
        other.set_state(state)
        self._require_equal(self._draw(other), expected, "draws after set_state")
        rng.set_state(state)
        self._require_equal(self._draw(rng), expected, "draws after going back")

    def test_without_a_seed_or_a_generator_draws_differ(self) -> None:
        self._require_unequal(self._draw(self.backend.rng(None)), self._draw(self.backend.rng(None)), "rng(None)")
        self._require_unequal(self._draw(None), self._draw(None), "rng=None")

    def test_no_global_generator_is_touched(self) -> None:
        with global_generators_untouched("Drawing"):
            for rng in (None, self.backend.rng(None), self.backend.rng(5)):
                self._draw(rng)
