"""A rollout cut into sequences: runs of steps of one episode, which a module with memory learns from as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.spaces import map_leaves

Array = NDArray[Any]
Booleans = NDArray[np.bool_]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Sequences:
    """Where each step `[T, B]` of a rollout lies in sequences `[N, L]`, in the order of their first steps.

    Attributes:
        valid: `[T, B]`: the steps that count; S of them.
        rows: `[S]`: the sequence of each step that counts.
        places: `[S]`: its place in that sequence.
        lengths: `[N]`: steps of each sequence, at least 1.
        ends: `[N, 2]`: the (t, b) of each sequence's last step.
    """

    valid: Booleans
    rows: Indices
    places: Indices
    lengths: Indices
    ends: Indices

    @classmethod
    def of(cls, starts: Booleans, valid: Booleans) -> Sequences:
        """The sequences that begin where `starts [T, B]` says; each has the steps that count up to the next start.

        Args:
            starts: the first step of each sequence; none that does not count.
            valid: the steps that count, each at or behind a start in its environment.
        """
        begins = np.argwhere(starts)
        number = np.full(starts.shape, -1, np.int64)
        number[starts] = np.arange(len(begins))
        steps = np.arange(len(starts))[:, None]
        begun = np.maximum.accumulate(np.where(starts, steps, -1), axis=0)
        rows = np.take_along_axis(number, begun, axis=0)[valid]
        places = (steps - begun)[valid]
        lengths = np.bincount(rows, minlength=len(begins))
        ends = begins + np.stack([lengths - 1, np.zeros_like(lengths)], axis=-1)
        return cls(valid, rows, places, lengths, ends)

    @property
    def longest(self) -> int:
        """L: the steps of the longest one."""
        return int(self.lengths.max(initial=0))

    @property
    def mask(self) -> Booleans:
        """`[N, L]`: False in the padding."""
        mask: Booleans = np.arange(self.longest) < self.lengths[:, None]
        return mask

    def padded(self, column: Any, *, room: int = 0) -> Any:
        """A column `[T, B, ...]` as sequences `[N, L + room, ...]`, zeros behind each; leaf by leaf where nested."""
        return map_leaves(lambda leaf: self._padded(leaf, room), column)

    def _padded(self, leaf: Array, room: int) -> Array:
        padded = np.zeros((len(self.lengths), self.longest + room, *leaf.shape[2:]), leaf.dtype)
        padded[self.rows, self.places] = leaf[self.valid]
        return padded

    def unpadded(self, padded: Array) -> Array:
        """The steps of sequences `[N, L, ...]` as they lie in the rollout, `[T, B, ...]`; zeros where none counts."""
        column = np.zeros((*self.valid.shape, *padded.shape[2:]), padded.dtype)
        column[self.valid] = padded[self.rows, self.places]
        return column
