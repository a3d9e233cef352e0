"""Rollouts cut into sequences, against a plain loop over environments and steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_algorithms.sampling.sequences import Sequences


@st.composite
def flags(draw: st.DrawFn) -> tuple[Any, Any]:
    """Random starts and steps that count: each counts that a start reaches, up to one that does not."""
    steps, envs = draw(st.integers(1, 7)), draw(st.integers(1, 4))
    cells = draw(st.lists(st.sampled_from("._|"), min_size=steps * envs, max_size=steps * envs))
    grid = np.array(cells).reshape(steps, envs)
    valid, starts = grid != "_", grid == "|"
    before = np.vstack([np.zeros((1, envs), bool), valid[:-1]])
    return starts | (valid & ~before), valid


def by_loop(starts: Any, valid: Any) -> list[list[tuple[int, int]]]:
    """The steps (t, b) of each sequence, in the order of their first steps."""
    found: list[list[tuple[int, int]]] = []
    open_: dict[int, list[tuple[int, int]]] = {}
    for t, b in np.ndindex(*valid.shape):
        if starts[t, b]:
            open_[b] = []
            found.append(open_[b])
        if valid[t, b]:
            open_[b].append((t, b))
    return found


@given(flags())
def test_every_step_that_counts_is_in_one_sequence_at_its_place(drawn: tuple[Any, Any]) -> None:
    expected = by_loop(*drawn)
    found = Sequences.of(*drawn)
    assert found.lengths.tolist() == [len(steps) for steps in expected]
    assert [tuple(end) for end in found.ends.tolist()] == [steps[-1] for steps in expected]
    column = np.stack(np.meshgrid(*map(np.arange, drawn[1].shape), indexing="ij"), axis=-1)
    padded, mask = found.padded(column), found.mask
    assert [
        [tuple(step) for step in row[inside].tolist()] for row, inside in zip(padded, mask, strict=True)
    ] == expected
    assert not padded[~mask].any()
    assert (mask.sum(axis=1) == found.lengths).all()


@given(flags(), st.integers(0, 2))
def test_nested_columns_go_there_and_back(drawn: tuple[Any, Any], room: int) -> None:
    _, valid = drawn
    sequences = Sequences.of(*drawn)
    leaf = np.random.default_rng(0).normal(size=(*valid.shape, 2)).astype(np.float32)
    padded = sequences.padded({"a": {"b": leaf}, "c": leaf[..., 0] > 0}, room=room)
    assert padded["a"]["b"].shape == (len(sequences.lengths), sequences.longest + room, 2)
    assert padded["c"].dtype == bool
    back = sequences.unpadded(padded["a"]["b"])
    assert (back[valid] == leaf[valid]).all()
    assert not back[~valid].any()
