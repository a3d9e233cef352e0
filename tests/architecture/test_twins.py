"""Backends stay small by sharing through core: neutral code asks no framework's name, and twins repeat nothing."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from workspace import ROOT

NAMES = {"torch", "tf2", "tensorflow", "keras"}
NEUTRAL = sorted(
    path
    for package in ("core", "catalogs", "marl", "algorithms")
    for path in ROOT.glob(f"packages/rlmodule-{package}/src/**/*.py")
)
TWINS = tuple(ROOT / f"packages/rlmodule-{name}/src/rlmodule_{name}" for name in ("torch", "tf"))
TF_LINES = 1000
REPEATED = 5
"""So many lines in a row, without headers, imports and words, are a thought that stands in both twins."""

_WORDS = re.compile(r"Torch|Tf|torch|tf2?\b|TensorFlow|tensorflow")


def comparisons_with_a_framework(source: str) -> Iterator[int]:
    """The lines that branch on the name of a framework."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Compare(left=left, comparators=others):
                if any(_named(part) for operand in (left, *others) for part in ast.walk(operand)):
                    yield node.lineno
            case ast.MatchValue(value=value) if _named(value):
                yield value.lineno


def _named(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value in NAMES


@pytest.mark.parametrize("file", NEUTRAL, ids=lambda file: str(file.relative_to(ROOT / "packages")))
def test_neutral_code_does_not_ask_which_framework_it_is_on(file: Path) -> None:
    assert list(comparisons_with_a_framework(file.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "line", ['framework == "torch"', 'name in ("tf2", "numpy")', '"keras" != backend', 'backend.name is "torch"']
)
def test_such_a_question_is_seen(line: str) -> None:
    assert list(comparisons_with_a_framework(f"x = {line}")) == [1]
    assert list(comparisons_with_a_framework('match name:\n    case "tf2":\n        pass')) == [2]


def statements(path: Path) -> list[str]:
    """The lines of code without words, imports and headers, and with one name for both frameworks."""
    source = path.read_text("utf-8")
    words: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            words.update(range(node.lineno, (node.end_lineno or 0) + 1))
    comments = {token.start[0] for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type == 55}
    lines = [
        line.strip()
        for number, line in enumerate(source.splitlines(), 1)
        if number not in words and not (number in comments and line.lstrip().startswith("#"))
    ]
    return [
        _WORDS.sub("X", line)
        for line in lines
        if len(line) > 1 and not re.match(r"(from|import|def|class|@|return$|yield$|else:$|try:$|[A-Za-z_]+,$)", line)
    ]


def repeated(one: list[str], other: list[str]) -> list[str]:
    """The runs of lines that stand in both, one behind the other."""
    windows = {tuple(other[start : start + REPEATED]) for start in range(len(other) - REPEATED + 1)}
    starts = [start for start in range(len(one) - REPEATED + 1) if tuple(one[start : start + REPEATED]) in windows]
    runs = [[start for _, start in run] for _, run in groupby(enumerate(starts), lambda pair: pair[1] - pair[0])]
    return ["\n".join(one[run[0] : run[-1] + REPEATED]) for run in runs]


def test_the_backends_repeat_no_thought_of_each_other() -> None:
    torch, tensorflow = (
        [line for path in sorted(twin.glob("[!_]*.py")) for line in statements(path)] for twin in TWINS
    )
    assert len(torch) > 300
    assert repeated(torch, tensorflow) == []


def test_a_thought_that_stands_in_both_is_seen() -> None:
    lines = [f"x = f({number})" for number in range(9)]
    assert repeated(["a = 1", *lines], [*lines, "b = 2"]) == ["\n".join(lines)]
    assert repeated(lines[:4], lines) == []


def test_the_twins_have_the_same_public_names_but_for_their_prefix() -> None:
    torch, tensorflow = (
        [name.removeprefix(prefix) for name in pytest.importorskip(module).__all__]
        for module, prefix in (("rlmodule_torch", "Torch"), ("rlmodule_tf", "Tf"))
    )
    assert torch == tensorflow


def test_the_tensorflow_twin_is_as_small_as_promised() -> None:
    assert sum(len(path.read_text("utf-8").splitlines()) for path in TWINS[1].glob("*.py")) < TF_LINES
