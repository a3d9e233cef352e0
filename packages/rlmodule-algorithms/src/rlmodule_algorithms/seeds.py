"""Everything random follows from one seed, by independent streams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_RESTARTS = 5
"""The stream of restarts; the owners of randomness have those before it."""


@dataclass(frozen=True)
class Seeds:
    """A seed for each owner of randomness.

    Attributes:
        entropy: what all of them follow from: the config's seed, or what the system gave in its place.
    """

    entropy: int
    weights: int
    environments: int
    acting: int
    evaluation: int

    @classmethod
    def of(cls, seed: int | None) -> Seeds:
        """The seeds that follow from one; None lets the system choose."""
        entropy = _entropy(seed)
        weights, environments, acting, evaluation = (_int(_stream(entropy, owner)) for owner in range(4))
        return cls(entropy, weights, environments, acting, evaluation)

    def shuffling(self) -> np.random.Generator:
        """The generator of the minibatch shuffles."""
        return np.random.default_rng(_stream(self.entropy, 4))

    def restart(self, iteration: int) -> int:
        """The seed of environments that start anew after an iteration."""
        return _int(_stream(self.entropy, _RESTARTS, iteration))


def _entropy(seed: int | None) -> int:
    if seed is not None:
        # Integers of numpy have no place in a checkpoint.
        return int(seed)
    return int.from_bytes(np.random.SeedSequence().generate_state(4).tobytes(), "little")


def _stream(entropy: int, *key: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(entropy, spawn_key=key)


def _int(sequence: np.random.SeedSequence) -> int:
    # Environments are seeded with seed, seed + 1, ...: stay well inside 32 bits.
    return int(sequence.generate_state(1)[0]) >> 2
