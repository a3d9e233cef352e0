"""The random generators of a backend: they have owners, seeds and a state that JSON can hold."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from rlmodule_core.backend import Rng
from rlmodule_core.testing.backend_exam import BackendExam
from rlmodule_core.testing.compare import Array, require, require_same
from rlmodule_core.testing.global_generators import global_generators_untouched

_LOGITS = np.array([0.0, 1.0, -1.0, 2.0], np.float32)
_MANY = 20_000


class RandomnessSuite(BackendExam):
    """`random_normal`, `random_categorical` and the generators that they draw from."""

    def _draw(self, rng: Rng | None, rows: int = 40) -> tuple[Array, Array]:
        ops = self.backend.ops
        normal = ops.random_normal(rng, self.tensor(np.zeros((rows, 2), np.float32)))
        index = ops.random_categorical(rng, self.tensor(np.tile(_LOGITS, (rows, 1))))
        return self.array(normal), self.array(index)

    def _require_equal(self, one: Any, other: Any, what: str) -> None:
        for mine, theirs in zip(one, other, strict=True):
            require_same(mine, theirs, what)

    def _require_unequal(self, one: Any, other: Any, what: str) -> None:
        for mine, theirs in zip(one, other, strict=True):
            require(not np.array_equal(mine, theirs), f"{what}: twice the same draws.")

    def test_draws_have_their_shapes_and_dtypes(self) -> None:
        normal, index = self._draw(self.backend.rng(0), rows=5)
        require(normal.shape == (5, 2) and normal.dtype == np.float32, f"normal: {normal.dtype} {normal.shape}")
        require(index.shape == (5,) and index.dtype == np.int64, f"categorical: {index.dtype} {index.shape}")
        nested = self.backend.ops.random_categorical(self.backend.rng(0), self.tensor(np.zeros((2, 3, 4), np.float32)))
        require(self.array(nested).shape == (2, 3), f"categorical of [2, 3, 4]: {self.array(nested).shape}")

    def test_draws_follow_their_distributions(self) -> None:
        normal, index = self._draw(self.backend.rng(0), rows=_MANY)
        require(np.all(np.abs(normal.mean(axis=0)) < 5 / _MANY**0.5), f"normal draws: mean {normal.mean(axis=0)}")
        require(np.all(np.abs(normal.var(axis=0) - 1) < 5 * (2 / _MANY) ** 0.5), f"variance {normal.var(axis=0)}")
        require(abs(float(np.corrcoef(normal.T)[0, 1])) < 5 / _MANY**0.5, "normal draws are correlated.")
        expected = np.exp(_LOGITS) / np.exp(_LOGITS).sum()
        error = np.bincount(index, minlength=4) / _MANY - expected
        require(np.all(np.abs(error) < 5 * (expected / _MANY) ** 0.5), f"categorical draws: {expected} off by {error}")

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
