"""Everything random follows from one seed, by independent streams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seeds:
    """A seed for each owner of randomness."""

    weights: int
    environments: int
    acting: int
    evaluation: int
    _shuffling: np.random.SeedSequence

    @classmethod
    def of(cls, seed: int | None) -> Seeds:
        """The seeds that follow from one; None lets the system choose."""
        weights, environments, acting, evaluation, shuffling = np.random.SeedSequence(seed).spawn(5)
        return cls(_int(weights), _int(environments), _int(acting), _int(evaluation), shuffling)

    def shuffling(self) -> np.random.Generator:
        """The generator of the minibatch shuffles."""
        return np.random.default_rng(self._shuffling)


def _int(sequence: np.random.SeedSequence) -> int:
    # Environments are seeded with seed, seed + 1, ...: stay well inside 32 bits.
    return int(sequence.generate_state(1)[0]) >> 2
