from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from workspace import ROOT

SOURCES = sorted(ROOT.glob("packages/*/src/**/*.py"))
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")


def violations(source: str) -> Iterator[str]:
    """Each line that `python -O` would change, that is unfinished, or that guesses at an interface."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Assert():
                yield f"line {node.lineno}: assert"
            case ast.Name(id="NotImplementedError" | "hasattr" as name):
                yield f"line {node.lineno}: {name}"
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and UNFINISHED.search(token.string):
            yield f"line {token.start[0]}: {token.string}"


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT / "packages")))
def test_library_code_keeps_the_rules(file: Path) -> None:
    assert list(violations(file.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    ["assert size > 0", "raise NotImplementedError", "hasattr(net, 'plan')", "size = 1  # TODO: why?"],
)
def test_each_rule_is_seen_when_broken(line: str) -> None:
    assert len(list(violations(f"net = size = None\n{line}\n"))) == 1
