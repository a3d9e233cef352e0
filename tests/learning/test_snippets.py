from __future__ import annotations

import re

from workspace import ROOT

SNIPPETS = sorted((ROOT / "docs" / "snippets").glob("*.py"))
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_each_example_is_shorter_than_150_lines() -> None:
    lengths = {file.name: len(file.read_text("utf-8").splitlines()) for file in SNIPPETS}
    assert {"behaviour_cloning.py", "dqn.py"} <= lengths.keys()
    assert {name: length for name, length in lengths.items() if length >= 150} == {}


def test_every_piece_of_code_on_the_page_is_part_of_an_example() -> None:
    sources = "\n".join(_flat(file.read_text("utf-8")) for file in SNIPPETS)
    pieces = PYTHON_BLOCK.findall((ROOT / "docs" / "pages" / "learner.md").read_text("utf-8"))
    assert len(pieces) > 5
    assert [piece for piece in pieces if _flat(piece) not in sources] == []


def _flat(code: str) -> str:
    """The code without indentation and empty lines, which differ where a page shows a part of a class."""
    return "\n".join(line.strip() for line in code.splitlines() if line.strip())
