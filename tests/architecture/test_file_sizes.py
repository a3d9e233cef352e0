from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

from workspace import ROOT

LONGEST = 350
MEDIAN = 120
GROUPS = {
    "src": "packages/*/src",
    "tests of packages": "packages/*/tests",
    "tools": "tools",
    "tests": "tests",
}


def lengths(pattern: str) -> dict[str, int]:
    files = (file for folder in ROOT.glob(pattern) for file in folder.rglob("*.py"))
    return {str(file.relative_to(ROOT)): line_count(file) for file in files}


def line_count(file: Path) -> int:
    return len(file.read_text("utf-8").splitlines())


@pytest.mark.parametrize("pattern", GROUPS.values(), ids=GROUPS)
def test_no_file_is_longer_than_350_lines(pattern: str) -> None:
    assert {file: lines for file, lines in lengths(pattern).items() if lines > LONGEST} == {}


def test_half_of_the_source_files_are_shorter_than_120_lines() -> None:
    counts = [lines for lines in lengths("packages/*/src").values() if lines]
    assert median(counts) < MEDIAN
