"""The code of the pages that show networks in torch runs, where there is torch."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import rlmodule_torch  # noqa: F401 (what the pages need, so that this file is left out without it)

Run = Callable[[str], list[str]]


def test_the_page_on_memory_runs(run: Run) -> None:
    finite, *plan, states, actions, sampled = run("memory.md")
    assert (finite, actions, sampled) == ("True", "(2,)", "128")
    assert " ".join(line.strip() for line in plan) == "tokenizer: Dense(2, 8) Activation('relu') cell_0: GRU(8, 16)"
    assert ast.literal_eval(states) == {encoder: {"h": (1, 32), "c": (1, 32)} for encoder in ("actor", "critic")}


def test_the_page_on_normalisation_runs(run: Run) -> None:
    sampled, held, buffers, counted = run("normalisation.md")
    assert (sampled, held, counted) == ("256", "256.0 (3,)", "256.0")
    assert [name.rpartition(".")[2] for name in ast.literal_eval(buffers)] == ["mean", "variance", "count"]


def test_the_page_on_writing_a_catalog_runs(run: Run, tmp_path: Path) -> None:
    *lines, mean, gap = run("writing-a-catalog.md")
    assert sum(line.startswith("Dense(256, 256)") for line in lines) == 2
    assert any("Dense(16, 2" in line for line in lines)
    assert 0.0 < float(mean) < 1.0
    assert gap == "its part 'encoder.actor', which GraphEncoderConfig builds by itself"
    assert (tmp_path / "answers/rl_module.json").exists()
